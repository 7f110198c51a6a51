// One agent: its live window, what it does and waits for, what it can do, and what the user can do with it.
import { Group, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { client, resultOf, type Schemas } from '../../api'
import { Composer } from '../../composer'
import { t } from '../../language'
import { useMay, useNameOf } from '../../me'
import { Needs, useHome } from '../../needs'
import { Act, Ago, aged, Nothing, Shown, Sign, State, To } from '../../parts'
import LiveWindow from '../../window'
import { wordOf } from '../../words'
import { outcomeColour } from '../timeline/outcomes'

type Details = Schemas['AgentDetails']

export default function Agent({ name }: { name: string }) {
  const path = { params: { path: { agent: name } } }
  const agent = useQuery({ queryKey: ['agents', name], queryFn: () => resultOf(client.GET('/api/v2/agents/{agent}', path)) })
  const home = useHome()
  const may = useMay()
  return (
    <Stack>
      <Title order={1} size="h2">{name}</Title>
      <Shown query={agent}>
        {(one) => (
          <>
            <Group>
              <State of="agent" state={one.state} />
              <Ago ms={one.since_ms} />
              {one.task && <To href={`/tasks/${one.task}`}>{one.task}</To>}
              <To href={`/chat/agent/${name}`}>{t('Chat')}</To>
            </Group>
            {one.note && <Text size="sm">{one.note}</Text>}
            {one.task && <IdleOf task={one.task} />}
            <Needs needs={home.data?.needs.filter(({ need }) => need.agent === name) ?? []} />
            <Controls agent={one} />
            {(!one.agent.window || may('desk.look')) && <LiveWindow agent={name} lane={one.agent.lane} isLarge />}
            {may('message.send') && <Composer label={t('Message to {agent}', { agent: name })} to={{ agent: name }} />}
            <Queue agent={one} />
            <Inbox name={name} />
            <Attempts name={name} />
            <Abilities agent={one} />
          </>
        )}
      </Shown>
    </Stack>
  )
}

function IdleOf({ task }: { task: string }) {
  const view = useQuery({ queryKey: ['tasks', task], queryFn: () => resultOf(client.GET('/api/v2/tasks/{task}', { params: { path: { task } } })) })
  const found = view.data?.task
  return found?.idle_by ? <Text size="sm">{wordOf('idle', found.idle_by)} <Ago ms={found.idle_ms ?? 0} /></Text> : null
}

function Controls({ agent: one }: { agent: Details }) {
  const name = one.agent.name
  const path = { params: { path: { agent: name } } }
  const isOff = one.state === 'paused' || one.state === 'draining'
  const may = useMay()
  const can = (act: string) => may(`agent.${act}`) && (one.agent.lane === 'acp' || one.agent.allowed_actions.includes(act))
  const mayPause = may('agent.use')
  return (
    <Group align="flex-start">
      {mayPause && isOff && <Act call={() => resultOf(client.POST('/api/v2/agents/{agent}/resume', path))}>{t('Resume')}</Act>}
      {mayPause && !isOff && <Act call={() => resultOf(client.POST('/api/v2/agents/{agent}/pause', path))}>{t('Pause')}</Act>}
      {mayPause && !isOff && <Act call={() => resultOf(client.POST('/api/v2/agents/{agent}/drain', path))}>{t('Pause after its work')}</Act>}
      {can('interrupt') && <Act sure={t('Stop {agent} now?', { agent: name })} call={() => resultOf(client.POST('/api/v2/agents/{agent}/interrupt', path))}>{t('Stop')}</Act>}
      {can('new_chat') && <Act sure={t('Begin a new chat in {agent}?', { agent: name })} call={() => resultOf(client.POST('/api/v2/agents/{agent}/new-chat', path))}>{t('New chat')}</Act>}
    </Group>
  )
}

const Section = ({ title, children }: { title: string; children: ReactNode }) => (
  <section aria-label={title}>
    <Title order={2} size="h4">{title}</Title>
    {children}
  </section>
)

function Queue({ agent: { agent, queue } }: { agent: Details }) {
  return (
    <Section title={t('Waits for it')}>
      {queue.length === 0 && <Nothing>{t('Nothing waits for {agent} alone.', { agent: agent.name })}</Nothing>}
      {queue.map((work) => (
        <Text key={work.message ?? work.task} size="sm">
          {work.task && <To href={`/tasks/${work.task}`}>{work.task}</To>} {work.title} <Ago ms={work.since_ms} />
        </Text>
      ))}
    </Section>
  )
}

function Inbox({ name }: { name: string }) {
  const nameOf = useNameOf()
  const inbox = useQuery({
    queryKey: ['inbox', name],
    queryFn: () => resultOf(client.GET('/api/v2/agents/{agent}/inbox', { params: { path: { agent: name } } })),
  })
  return (
    <Section title={t('Inbox')}>
      <Shown query={inbox}>
        {(entries) => (
          <div className="octet-rows">
            {entries.length === 0 && <Nothing>{t('No messages to {agent} yet. Write one above.', { agent: name })}</Nothing>}
            {entries.map(({ message, state }) => (
              <div className="octet-row" key={message.id}>
                <Group gap="xs">
                  <Text size="sm" fw={600}>{message.sender_name || nameOf(message.sender)}</Text>
                  <Sign colour={state === 'unread' ? 'blue' : 'gray'}>{wordOf('entry', state)}</Sign>
                  <Ago ms={message.created_ms} />
                </Group>
                <Text size="sm" lineClamp={3}>{message.body}</Text>
              </div>
            ))}
          </div>
        )}
      </Shown>
    </Section>
  )
}

/** The tasks that it had in the last day, and how each ended. */
function Attempts({ name }: { name: string }) {
  const query = { params: { query: { hours: 24 } } }
  const timeline = useQuery({ queryKey: ['timeline', 24], queryFn: () => resultOf(client.GET('/api/v2/fleet/timeline', query)) })
  return (
    <Section title={t('Attempts')}>
      <Shown query={timeline}>
        {({ attempts }) => {
          const own = attempts.filter(({ attempt }) => attempt.agent === name).toReversed()
          if (!own.length) return <Nothing>{t('It had no task in the last 24 hours.')}</Nothing>
          return own.map(({ attempt: { task, fence, began_ms, ended_ms, outcome }, title }) => (
            <Text key={`${task} ${fence}`} size="sm">
              <To href={`/tasks/${task}`}>{`${task} ${title}`}</To> <Sign colour={outcomeColour(outcome)}>{outcome ? wordOf('outcome', outcome) : t('under way')}</Sign>{' '}
              {ended_ms && aged(ended_ms - began_ms)} <Ago ms={began_ms} />
            </Text>
          ))
        }}
      </Shown>
    </Section>
  )
}

function Abilities({ agent: { agent, program, hook } }: { agent: Details }) {
  const rows: [string, ReactNode][] = [
    [t('About'), agent.about],
    [t('Capabilities'), agent.capabilities.join(', ')],
    [t('Groups'), agent.groups.join(', ')],
    [t('Reached by'), [agent.lane, agent.desk, agent.window].filter(Boolean).join(' · ')],
    [t('Account'), agent.account],
    [t('You may press'), agent.allowed_actions.map((act) => wordOf('act', act)).join(', ')],
    [t('Program'), program && [program.program, program.version].filter(Boolean).join(' ')],
    [t('Mode'), program && [program.mode, program.modes.length > 1 && t('of {modes}', { modes: program.modes.join(', ') })].filter(Boolean).join(' ')],
    [t('Who approves'), program?.program && wordOf('approver', program.approves)],
    [t('Its hook said'), hook && <>{wordOf('activity', hook.shows)} <Ago ms={hook.at_ms} /></>],
  ]
  return (
    <Section title={t('What it can do')}>
      <dl className="octet-facts">
        {rows.filter(([, value]) => value).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Section>
  )
}
