// The checks of a task: each run with its result, the commit that it saw, and its output.
import { Group, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { client, resultOf } from '../../api'
import { t } from '../../language'
import { Nothing, Shown, Sign } from '../../parts'
import { colourOf, wordOf } from '../../words'
import type { View } from '.'

export function Checks({ view: { task } }: { view: View }) {
  const params = { path: { task: task.id } }
  const query = useQuery({
    queryKey: ['tasks', task.id, 'checks', task.changed_ms],
    queryFn: () => resultOf(client.GET('/api/v2/tasks/{task}/checks', { params })),
    enabled: task.checks.length > 0,
  })
  if (!task.checks.length) return null
  return (
    <section aria-label={t('Checks')}>
      <Title order={2} size="h4" mb="xs">{t('Checks')}</Title>
      <Shown query={query}>
        {(runs) => !runs.length ? <Nothing>{t('Octet runs them when the agent says done: {checks}', { checks: task.checks.join(', ') })}</Nothing> : runs.map((one) => (
          <Stack gap={4} key={one.id} className="octet-row" component="article" aria-label={one.given}>
            <Group gap="xs">
              <Text fw={600}>{one.given}</Text>
              <Sign colour={colourOf('check', one.state)}>{wordOf('check', one.state)}</Sign>
              {one.snapshot && <Text size="sm">{t('on commit {commit}', { commit: one.snapshot.slice(0, 12) })}</Text>}
            </Group>
            {one.note && <Text size="sm">{one.note}</Text>}
            {one.state === 'passed' && one.control === 'passed' && (
              <Text size="sm">{t('It passed before the work too, so it proves nothing about it.')}</Text>
            )}
            {one.output && <pre className="octet-text" tabIndex={0}>{one.output}</pre>}
          </Stack>
        ))}
      </Shown>
    </section>
  )
}
