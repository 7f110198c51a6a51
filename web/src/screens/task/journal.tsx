// What the journal says of a task, for users who may read it.
import { Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { client, resultOf } from '../../api'
import { t } from '../../language'
import { useMay, useNameOf } from '../../me'
import { Ago, Shown } from '../../parts'
import { wordOf } from '../../words'

const MOST = 100

export function Journal({ task }: { task: string }) {
  const may = useMay()('audit.read')
  const nameOf = useNameOf()
  const query = { params: { query: { filter: `subject:task:${task}`, limit: MOST } } }
  const rows = useQuery({ queryKey: ['journal', task], enabled: may, queryFn: () => resultOf(client.GET('/api/v2/journal', query)) })
  if (!may) return null
  return (
    <section aria-label={t('Journal')}>
      <Title order={2} size="h4" mb="xs">{t('Journal')}</Title>
      <Shown query={rows}>
        {({ items }) => (
          <ol className="octet-steps">
            {items.map((row) => (
              <li key={row.seq}>
                <Ago ms={row.at_ms} /> {typeof row.data.now === 'string' ? wordOf('task', row.data.now) : wordOf('event', row.name)}{' '}
                <Text span size="sm" c="var(--octet-quiet)">{nameOf(row.actor)}</Text>
              </li>
            ))}
          </ol>
        )}
      </Shown>
    </section>
  )
}
