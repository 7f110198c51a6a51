// The fleet on a large screen, without controls: read from three metres.
import './wall.css'
import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { client, resultOf } from '../../api'
import { t } from '../../language'
import { useRecent } from '../../live'
import { Ago, Shown, State } from '../../parts'
import { wordOf } from '../../words'

export default function Wall() {
  useEffect(keepAwake, [])
  const status = useQuery({ queryKey: ['status'], queryFn: () => resultOf(client.GET('/api/v2/fleet/status')) })
  return (
    <div className="octet-wall">
      <h1>Octet</h1>
      <Shown query={status}>
        {({ needs, board }) => (
          <>
            <section aria-label={t('Needs you')} className="octet-wall-needs" data-any={needs.total > 0}>
              <h2>{needs.total ? t('{number} wait for a person', { number: needs.total }) : t('Nothing waits for a person')}</h2>
              {needs.shown.slice(0, 5).map((need) => (
                <p key={`${need.kind} ${need.task} ${need.about} ${need.agent} ${need.window}`}>
                  <span>{[need.task, need.agent].filter(Boolean).join(' · ')} {need.what}</span> <Ago ms={need.since_ms} />
                </p>
              ))}
            </section>
            <section aria-label={t('Agents')} className="octet-wall-agents">
              {board.agents.map(({ status: { agent, state, since_ms }, task }) => (
                <div key={agent.name}>
                  <b>{agent.name}</b> <State of="agent" state={state} /> <Ago ms={since_ms} />
                  <p>{task ? `${task.id} ${task.title}` : ' '}</p>
                </div>
              ))}
            </section>
            <section aria-label={t('Queue')}>
              <h2>{board.queue.length ? t('{number} tasks in the queue', { number: board.queue.length }) : t('The queue is empty')}</h2>
            </section>
            <Recent />
          </>
        )}
      </Shown>
    </div>
  )
}

/** What happened last to tasks and agents. */
function Recent() {
  const moved = useRecent().filter((one) => one.now && /^(task|agent):/.test(one.subject))
  const rows = moved.filter((one, at) => one.subject !== moved[at - 1]?.subject).slice(0, 8) // of one in a row, the newest
  return (
    <section aria-label={t('Last events')} className="octet-wall-events">
      {rows.map((one) => {
        const [kind, name] = one.subject.split(':') as ['task' | 'agent', string]
        return <p key={one.seq}><span><b>{name}</b> {wordOf(kind, one.now)}</span> <Ago ms={one.at_ms} /></p>
      })}
    </section>
  )
}

/** Keep the screen on while this is shown, where the browser can. */
function keepAwake(): () => void {
  let lock: WakeLockSentinel | undefined
  let isOver = false
  const ask = async () => {
    if (document.visibilityState !== 'visible' || !('wakeLock' in navigator)) return
    lock = await navigator.wakeLock.request('screen').catch(() => undefined) // refused on low battery
    if (isOver) void lock?.release()
  }
  void ask()
  document.addEventListener('visibilitychange', ask)
  return () => {
    isOver = true
    document.removeEventListener('visibilitychange', ask)
    void lock?.release()
  }
}
