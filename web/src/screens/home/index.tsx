// What needs the user, what each agent does, what waits, and what happened last.
import { Alert, Group, Stack, Text, Title } from '@mantine/core'
import { t } from '../../language'
import { useRecent, type Change } from '../../live'
import { useNameOf } from '../../me'
import { Needs, useHome } from '../../needs'
import { Ago, Nothing, Said, Shown, Sign, State, Subject, To } from '../../parts'
import { wordOf } from '../../words'

const EVENTS = 12
const TRIFLES = new Set(['WindowShowed', 'DeliveryMoved', 'DeliveryRetaken', 'MessageStored', 'MessageRead', 'TaskAssigned', 'ScreenshotTaken'])

export default function Home() {
  const home = useHome()
  return (
    <Stack>
      <Title order={1} size="h2">{t('Home')}</Title>
      <Shown query={home}>
        {({ needs, more, board, troubles }) => (
          <Stack gap="lg">
            <section aria-label={t('Needs you')}>
              <Group gap="xs" mb="xs">
                <Title order={2} size="h4">{t('Needs you')}</Title>
                <Sign colour={needs.length ? 'orange' : 'gray'}>{needs.length + more}</Sign>
              </Group>
              {needs.length === 0 && <Nothing>{t('Nothing needs you.')}</Nothing>}
              <Needs needs={needs} />
              {more > 0 && <Nothing>{t('and {more} more', { more })}</Nothing>}
            </section>
            {troubles.map((one) => (
              <Alert key={one.what} color="yellow" title={one.what}><Said text={one.next} /></Alert>
            ))}
            <section aria-label={t('Agents')}>
              <Title order={2} size="h4" mb="xs">{t('Agents')}</Title>
              {board.agents.length === 0 && <Nothing><Said text={t('No agents yet. Connect your windows at the machine with `octet calibrate`.')} /></Nothing>}
              <div className="octet-cards">
                {board.agents.map(({ status, task }) => (
                  <div className="octet-row" key={status.agent.name}>
                    <Group justify="space-between">
                      <To href={`/agents/${status.agent.name}`}>{status.agent.name}</To>
                      <Group gap="xs">
                        <State of="agent" state={status.state} />
                        <Ago ms={status.since_ms} />
                      </Group>
                    </Group>
                    <Text size="sm">{task ? <To href={`/tasks/${task.id}`}>{`${task.id} ${task.title}`}</To> : status.agent.about}</Text>
                  </div>
                ))}
              </div>
            </section>
            <section aria-label={t('Queue')}>
              <Group gap="xs" mb="xs">
                <Title order={2} size="h4">{t('Queue')}</Title>
                <Sign colour="gray">{board.tasks.ready ?? 0}</Sign>
              </Group>
              {board.queue.length === 0 && <Nothing>{t('No task waits for an agent.')}</Nothing>}
              {board.queue.map((task) => (
                <Text key={task.id}><To href={`/tasks/${task.id}`}>{`${task.id} ${task.title}`}</To></Text>
              ))}
            </section>
          </Stack>
        )}
      </Shown>
      <Recent />
    </Stack>
  )
}

function Recent() {
  const shown = useRecent().filter((one) => !TRIFLES.has(one.name)).slice(0, EVENTS)
  const nameOf = useNameOf()
  return (
    <section aria-label={t('Last events')}>
      <Title order={2} size="h4" mb="xs">{t('Last events')}</Title>
      {shown.length === 0 && <Nothing>{t('Nothing has happened yet.')}</Nothing>}
      <ul className="octet-events">
        {shown.map((one) => (
          <li key={one.seq}>
            <Ago ms={one.at_ms} /> <Subject of={one.subject} /> <span>{saying(one)}</span> <Text span size="sm" c="var(--octet-quiet)">{nameOf(one.by)}</Text>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** Say what happened: the new state of a task or an agent, else how the journal describes the event. */
function saying({ name, subject, now }: Change): string {
  const kind = subject.split(':')[0]
  return now && (kind === 'task' || kind === 'agent') ? wordOf(kind, now) : wordOf('event', name)
}
