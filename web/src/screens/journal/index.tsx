// The journal: what happened, newest first, and whether any row was changed or removed.
import { Alert, Button, Code, Group, Stack, Table, TextInput, Title } from '@mantine/core'
import { useInfiniteQuery, useMutation } from '@tanstack/react-query'
import { useLocation, useSearch } from 'wouter'
import { Refusal, client, resultOf, type Schemas } from '../../api'
import { t } from '../../language'
import { useNameOf } from '../../me'
import { Ago, Nothing, Shown, Subject } from '../../parts'
import { wordOf } from '../../words'

export default function Journal() {
  const filter = new URLSearchParams(useSearch()).get('filter') ?? ''
  const [where, go] = useLocation()
  const nameOf = useNameOf()
  const narrow = (to: string) => to !== filter && go(to ? `${where}?${new URLSearchParams({ filter: to })}` : where, { replace: true })
  const journal = useInfiniteQuery({
    queryKey: ['journal', filter],
    initialPageParam: '',
    queryFn: ({ pageParam }) =>
      resultOf(client.GET('/api/v2/journal', { params: { query: { filter: filter || undefined, cursor: pageParam || undefined } } })),
    getNextPageParam: (last) => last.next || undefined,
  })
  const rows = journal.data?.pages.flatMap((page) => page.items) ?? []
  return (
    <Stack>
      <Title order={1} size="h2">{t('Journal')}</Title>
      <Verify />
      <TextInput
        key={filter}
        label={t('Filter')}
        description={t('Such as {example}; a comma means or, and all must hold. A word without a field may be anywhere in the row.', { example: 'about:T-1,T-2 by:hub event:TaskMoved' })}
        defaultValue={filter}
        onBlur={(event) => narrow(event.currentTarget.value.trim())}
        onKeyDown={(event) => event.key === 'Enter' && narrow(event.currentTarget.value.trim())}
      />
      <Shown query={journal}>
        {() =>
          rows.length === 0 ? (
            <Nothing>{filter ? t('No row fits this filter.') : t('Nothing has happened yet.')}</Nothing>
          ) : (
            <div className="octet-wide">
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>{t('Row')}</Table.Th>
                    <Table.Th>{t('What')}</Table.Th>
                    <Table.Th>{t('About')}</Table.Th>
                    <Table.Th>{t('By')}</Table.Th>
                    <Table.Th>{t('When')}</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {rows.map((one) => (
                    <Table.Tr key={one.seq}>
                      <Table.Td>{one.seq}</Table.Td>
                      <Table.Td>
                        <details>
                          <summary title={one.name}>{saying(one)}</summary>
                          <pre className="octet-text">{JSON.stringify(one.data, null, 1)}</pre>
                        </details>
                      </Table.Td>
                      <Table.Td><Subject of={one.subject} /></Table.Td>
                      <Table.Td><span title={one.actor}>{nameOf(one.actor)}</span></Table.Td>
                      <Table.Td><Ago ms={one.at_ms} /></Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </div>
          )
        }
      </Shown>
      {journal.hasNextPage && <Button variant="default" loading={journal.isFetchingNextPage} onClick={() => void journal.fetchNextPage()}>{t('Older')}</Button>}
    </Stack>
  )
}

/** Check the chain of all rows, and say what came of it. */
function Verify() {
  const verify = useMutation({ mutationFn: () => resultOf(client.GET('/api/v2/admin/audit')) })
  const found = verify.data
  return (
    <Stack gap="xs" align="flex-start">
      <Button variant="default" size="xs" loading={verify.isPending} onClick={() => verify.mutate()}>{t('Verify')}</Button>
      {found && (
        <Alert color="green" role="status" title={t('The journal is complete: {rows} rows', { rows: found.rows })}>
          <Group gap="xs">{t('No row was changed or removed. Its head:')} <Code>{found.entries.at(-1)?.hash ?? ''}</Code></Group>
        </Alert>
      )}
      {verify.error && (
        <Alert color="red" role="alert" title={isBroken(verify.error) ? t('The journal is not complete') : t('Octet did not verify it')}>
          {verify.error.message}
        </Alert>
      )}
    </Stack>
  )
}

const isBroken = (error: Error) => error instanceof Refusal && ['chain_broken', 'tail_missing'].includes(error.code)

/** Say what happened, with the state that it led to. */
function saying({ name, subject, data }: Schemas['JournalRow']): string {
  const kind = subject.split(':')[0]
  const now = data.now
  const isState = typeof now === 'string' && (kind === 'task' || kind === 'agent' || kind === 'delivery')
  return isState ? `${wordOf('event', name)}: ${wordOf(kind, now)}` : wordOf('event', name)
}
