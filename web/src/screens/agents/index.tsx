// All agents.
import { Group, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { client, resultOf } from '../../api'
import { Ago, Nothing, Shown, State, To } from '../../parts'

export default function Agents() {
  const agents = useQuery({
    queryKey: ['agents'],
    queryFn: () => resultOf(client.GET('/api/v2/agents', { params: { query: { limit: 100 } } })),
  })
  return (
    <Stack>
      <Title order={1} size="h2">Agents</Title>
      <Shown query={agents}>
        {({ items }) => (
          <div className="octet-cards">
            {items.length === 0 && <Nothing>No agents yet. Connect your windows with `octet calibrate`.</Nothing>}
            {items.map((one) => (
              <div className="octet-row" key={one.agent.name}>
                <Group justify="space-between">
                  <To href={`/agents/${one.agent.name}`}>{one.agent.name}</To>
                  <Group gap="xs">
                    <State of="agent" state={one.state} />
                    <Ago ms={one.since_ms} />
                  </Group>
                </Group>
                <Text size="sm">{one.agent.about}</Text>
                {one.task && <Text size="sm"><To href={`/tasks/${one.task}`}>{one.task}</To></Text>}
                {one.note && <Text size="sm" c="var(--octet-quiet)">{one.note}</Text>}
              </div>
            ))}
          </div>
        )}
      </Shown>
    </Stack>
  )
}
