// What needs the user, what each agent does, and what waits.
import { Group, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { client, resultOf, type Schemas } from '../../api'
import { Act, Ago, Nothing, Shown, Sign, State, To } from '../../parts'

type Need = Schemas['Need']

export default function Home() {
  const status = useQuery({ queryKey: ['status'], queryFn: () => resultOf(client.GET('/api/v2/fleet/status')) })
  return (
    <Stack>
      <Title order={1} size="h2">
        Home
      </Title>
      <Shown query={status}>
        {({ needs, board, troubles }) => (
          <Stack>
            <section aria-label="Needs you">
              <Group gap="xs" mb="xs">
                <Title order={2} size="h4">
                  Needs you
                </Title>
                <Sign colour={needs.total ? 'orange' : 'gray'}>{needs.total}</Sign>
              </Group>
              {needs.total === 0 && <Nothing>Nothing needs you.</Nothing>}
              <div className="octet-rows">
                {needs.shown.map((need) => (
                  <NeedRow key={`${need.kind} ${need.task} ${need.about} ${need.agent} ${need.window}`} need={need} />
                ))}
              </div>
            </section>
            {troubles.length > 0 && (
              <section aria-label="Health">
                <Title order={2} size="h4">Health</Title>
                {troubles.map((one) => (
                  <Text key={one.what} size="sm">{one.what}</Text>
                ))}
              </section>
            )}
            <section aria-label="Agents">
              <Title order={2} size="h4" mb="xs">Agents</Title>
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
            <section aria-label="Queue">
              <Title order={2} size="h4" mb="xs">Queue</Title>
              {board.queue.length === 0 && <Nothing>No task waits for an agent.</Nothing>}
              {board.queue.map((task) => (
                <Text key={task.id}><To href={`/tasks/${task.id}`}>{`${task.id} ${task.title}`}</To></Text>
              ))}
            </section>
          </Stack>
        )}
      </Shown>
    </Stack>
  )
}

function NeedRow({ need }: { need: Need }) {
  return (
    <div className="octet-row" data-need={need.kind}>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Stack gap={4}>
          <Text fw={600}>
            {need.task && <To href={`/tasks/${need.task}`}>{need.task}</To>} {need.agent && <To href={`/agents/${need.agent}`}>{need.agent}</To>} {need.what}
          </Text>
          {need.title && <Text size="sm">{need.title}</Text>}
          {need.seen && <pre className="octet-text">{need.seen}</pre>}
          <Text size="sm" c="var(--octet-quiet)">{need.next}</Text>
          <Group gap="xs">
            {need.choices.map((choice, at) => (
              <Act key={choice} call={() => settle(need, choice, at + 1)}>{choice}</Act>
            ))}
          </Group>
        </Stack>
        <Ago ms={need.since_ms} />
      </Group>
    </div>
  )
}

/** Do what the button of this choice does in Discord. */
function settle(need: Need, choice: string, number: number): Promise<unknown> {
  if (need.kind === 'question')
    return resultOf(client.POST('/api/v2/questions/{question}/answer', { params: { path: { question: need.about } }, body: { text: choice } }))
  if (need.kind === 'delivery_unknown')
    return resultOf(
      client.POST('/api/v2/deliveries/{delivery}/resolve', {
        params: { path: { delivery: need.about } },
        body: { decision: choice } as Schemas['delivery_resolve'],
      }),
    )
  if (need.kind === 'needs_answer' && !need.desk)
    return resultOf(client.POST('/api/v2/dialogs/{dialog}/choose', { params: { path: { dialog: need.about } }, body: { number } }))
  return resultOf(
    client.POST('/api/v2/agents/{agent}/answer', {
      params: { path: { agent: need.agent ?? '' } },
      body: { answer: choice } as Schemas['agent_answer'],
    }),
  )
}
