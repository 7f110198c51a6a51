// One task: what was asked, what became of it, and what the user can do with it.
import { Group, Stack, Text, Textarea, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { client, resultOf } from '../../api'
import { Act, Ago, Nothing, Shown, State, To } from '../../parts'

const ENDED = new Set(['done', 'cancelled', 'failed', 'expired'])

export default function Task({ id }: { id: string }) {
  const path = { params: { path: { task: id } } }
  const view = useQuery({ queryKey: ['tasks', id], queryFn: () => resultOf(client.GET('/api/v2/tasks/{task}', path)) })
  const [answer, setAnswer] = useState('')
  return (
    <Stack>
      <Title order={1} size="h2">{id}</Title>
      <Shown query={view}>
        {({ task, answers, attempts, deliveries }) => (
          <Stack>
            <Group>
              <State of="task" state={task.state} />
              <Ago ms={task.changed_ms} />
              {task.agent && <To href={`/agents/${task.agent}`}>{task.agent}</To>}
              <Text size="sm" c="var(--octet-quiet)">asked by {task.requester_name}</Text>
            </Group>
            {task.note && <Text>{task.note}</Text>}
            {task.progress && <Text>{task.progress}</Text>}
            <pre className="octet-text">{task.brief}</pre>
            <Group align="flex-start">
              {!ENDED.has(task.state) && <Act sure={`Cancel ${id}?`} call={() => resultOf(client.POST('/api/v2/tasks/{task}/cancel', path))}>Cancel</Act>}
              {ENDED.has(task.state) && task.state !== 'done' && <Act call={() => resultOf(client.POST('/api/v2/tasks/{task}/retry', path))}>Retry</Act>}
              {task.state === 'done' && <Act call={() => resultOf(client.POST('/api/v2/tasks/{task}/duplicate', path))}>Run again</Act>}
            </Group>
            {!ENDED.has(task.state) && task.agent && (
              <Stack gap="xs">
                <Textarea label="Its answer, if you end it yourself" autosize minRows={1} value={answer} onChange={(event) => setAnswer(event.currentTarget.value)} />
                <Act disabled={!answer.trim()} call={() => resultOf(client.POST('/api/v2/tasks/{task}/done', { ...path, body: { text: answer } }))}>Done</Act>
              </Stack>
            )}
            <section aria-label="Answers">
              <Title order={2} size="h4">Answers</Title>
              {answers.length === 0 && <Nothing>No answer yet.</Nothing>}
              {answers.map((one) => (
                <div className="octet-row" key={one.id}>
                  <pre className="octet-text">{one.body}</pre>
                </div>
              ))}
            </section>
            <section aria-label="Attempts">
              <Title order={2} size="h4">Attempts</Title>
              {attempts.length === 0 && <Nothing>No agent had it yet.</Nothing>}
              {attempts.map((one) => (
                <Text size="sm" key={one.began_ms}>{one.agent}: {one.outcome || 'at work'} <Ago ms={one.began_ms} /></Text>
              ))}
            </section>
            <section aria-label="Deliveries">
              <Title order={2} size="h4">Deliveries</Title>
              {deliveries.map((one) => (
                <Text size="sm" key={one.id}>{one.agent}: <State of="delivery" state={one.state} /> {one.assurance}</Text>
              ))}
            </section>
          </Stack>
        )}
      </Shown>
    </Stack>
  )
}
