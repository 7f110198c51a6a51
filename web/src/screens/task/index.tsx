// One task: what was asked, what became of it, and what the user can do with it.
import { Group, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { client, resultOf, type Schemas } from '../../api'
import { t } from '../../language'
import { Needs, useHome } from '../../needs'
import { Ago, Said, Shown, State, To } from '../../parts'
import { Acts } from './acts'
import { Attempts } from './attempts'
import { Parts } from './answers'
import { Checks } from './checks'
import { Journal } from './journal'
import { Receipt } from './receipt'
import './task.css'

/** A task with what Octet says of it in words, which its description of the API leaves out. */
export type View = Schemas['TaskView'] & { is_assignable: boolean; task: { choice: { short: string } | null } }

const Links = lazy(() => import('./links'))

export default function Task({ id }: { id: string }) {
  const query = useQuery({
    queryKey: ['tasks', id],
    queryFn: async () => (await resultOf(client.GET('/api/v2/tasks/{task}', { params: { path: { task: id } } }))) as View,
  })
  return (
    <Stack>
      <Title order={1} size="h2">{id}</Title>
      <Shown query={query}>
        {(view) => (
          <Stack>
            <Head view={view} />
            <Waits id={id} />
            <Acts view={view} />
            <Parts view={view} />
            <Checks view={view} />
            <Receipt view={view} />
            {(view.after.length > 0 || view.parts.length > 0 || view.task.parent) && (
              <Suspense>
                <Links view={view} />
              </Suspense>
            )}
            <Attempts view={view} />
            <Journal task={id} />
          </Stack>
        )}
      </Shown>
    </Stack>
  )
}

/** What of this task needs the user, with the ways to settle it. */
function Waits({ id }: { id: string }) {
  const needs = useHome().data?.needs.filter((one) => one.need.task === id) ?? []
  if (!needs.length) return null
  return (
    <section aria-label={t('Needs you')}>
      <Title order={2} size="h4" mb="xs">{t('Needs you')}</Title>
      <Needs needs={needs} />
    </section>
  )
}

function Head({ view }: { view: View }) {
  const { task } = view
  const facts: [name: string, value: string][] = [
    [t('Priority'), `P${task.priority}`],
    [t('Labels'), task.labels.join(', ')],
    [t('Needs'), task.needs.join(', ')],
    [t('Due'), moment(task.due_ms)],
    [t('Starts'), task.state === 'ready' || task.state === 'waiting' ? moment(task.not_before_ms) : ''],
    [t('Repeats'), task.again_of ?? ''],
    [t('Marked as wrong'), task.wrong ?? ''],
  ]
  return (
    <Stack gap={6}>
      <Text fw={600}>{task.title}</Text>
      <Group>
        <State of="task" state={task.state === 'done' ? (task.proof ?? 'done') : task.state} />
        <Ago ms={task.changed_ms} />
        {task.agent && <To href={`/agents/${task.agent}`}>{task.agent}</To>}
        <To href={`/chat/task/${task.id}`}>{t('Chat')}</To>
      </Group>
      {task.note && <Text><Said text={task.note} /></Text>}
            {view.left_with && <Text>{t('{agent} still works on it.', { agent: view.left_with })}</Text>}
      {view.held_up_by.map((one) => (
        <Text key={one.agent.name} size="sm"><To href={`/agents/${one.agent.name}`}>{one.agent.name}</To> <State of="agent" state={one.state} /></Text>
      ))}
      {task.progress && task.state === 'working' && (
        <Text>
          {task.progress} {task.last_seen_ms && <Ago ms={task.last_seen_ms} />}
        </Text>
      )}
      <dl className="octet-facts">
        {facts.filter(([, value]) => value).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Stack>
  )
}

const moment = (ms: number | null | undefined) => (ms ? new Date(ms).toLocaleString() : '')
