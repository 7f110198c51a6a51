// All agents: what each shows, does and waits for.
import { Group, Stack, Text, Title } from '@mantine/core'
import type { Schemas } from '../../api'
import { t } from '../../language'
import { useMay } from '../../me'
import { Needs, useHome, type OfferedNeed } from '../../needs'
import { Ago, Nothing, Said, Shown, State, To } from '../../parts'
import LiveWindow from '../../window'
import { wordOf } from '../../words'

export default function Agents() {
  const home = useHome()
  return (
    <Stack>
      <Title order={1} size="h2">{t('Agents')}</Title>
      <Shown query={home}>
        {({ board: { agents }, needs }) => (
          <div className="octet-cards">
            {agents.length === 0 && <Nothing><Said text={t('No agents yet. Connect your windows at the machine with `octet calibrate`.')} /></Nothing>}
            {agents.map((one) => (
              <Card key={one.status.agent.name} at={one} needs={needs.filter(({ need }) => need.agent === one.status.agent.name)} />
            ))}
          </div>
        )}
      </Shown>
    </Stack>
  )
}

function Card({ at: { status, task }, needs }: { at: Schemas['AtWork']; needs: OfferedNeed[] }) {
  const may = useMay()
  const { agent } = status
  return (
    <article className="octet-row octet-card" aria-label={agent.name}>
      <Group justify="space-between" wrap="nowrap">
        <To href={`/agents/${agent.name}`}>{agent.name}</To>
        <Group gap="xs" wrap="nowrap">
          <State of="agent" state={status.state} />
          <Ago ms={status.since_ms} />
        </Group>
      </Group>
      {(!agent.window || may('desk.look')) && <LiveWindow agent={agent.name} lane={agent.lane} />}
      <Text size="sm">{task ? <To href={`/tasks/${task.id}`}>{`${task.id} ${task.title}`}</To> : agent.about}</Text>
      {task?.idle_by && <Text size="sm">{wordOf('idle', task.idle_by)} <Ago ms={task.idle_ms ?? 0} /></Text>}
      {status.note && <Text size="sm" c="var(--octet-quiet)">{status.note}</Text>}
      <Needs needs={needs} />
    </article>
  )
}
