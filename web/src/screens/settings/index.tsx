// What is configured, from which file and line, and what a reload would change.
import '@mantine/core/styles/Checkbox.css'
import '@mantine/core/styles/List.css'
import { Alert, Checkbox, Group, List, Stack, Table, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { client, resultOf, type Schemas } from '../../api'
import { t } from '../../language'
import { Act, Nothing, Shown, Sign } from '../../parts'

type Item = Schemas['ConfigItem']
const parts = () => [
  ['agent', t('Agents')],
  ['desk', t('Desks')],
  ['model', t('Models')],
  ['program', t('Programs')],
  ['profile', t('Profiles')],
]

export default function Settings() {
  // No news tell of a changed file, and to read them all takes a while.
  const found = useQuery({ queryKey: ['config'], meta: { isFixed: true }, queryFn: () => resultOf(client.GET('/api/v2/config')) })
  const [all, setAll] = useState(false)
  return (
    <Stack>
      <Title order={1} size="h2">{t('Settings')}</Title>
      <Shown query={found}>
        {({ items, change, problems }) => (
          <Stack>
            <Preview change={change} problems={problems ?? []} again={() => found.refetch()} />
            <section aria-label={t('Settings')}>
              <Group justify="space-between" mb="xs">
                <Title order={2} size="h4">{t('Settings')}</Title>
                <Checkbox label={t('Also those with Octet’s default')} checked={all} onChange={(event) => setAll(event.currentTarget.checked)} />
              </Group>
              <Items rows={items.filter((one) => one.kind === 'setting' && (all || one.file))} empty={t('Every setting has Octet’s default.')} />
            </section>
            <section aria-label={t('Secrets')}>
              <Title order={2} size="h4" mb="xs">{t('Secrets')}</Title>
              <Items rows={items.filter((one) => one.kind === 'secret')} empty="" />
            </section>
            {parts().map(([kind, name]) => {
              const rows = items.filter((one) => one.kind === kind)
              return (
                rows.length > 0 && (
                  <section key={kind} aria-label={name}>
                    <Title order={2} size="h4" mb="xs">{name}</Title>
                    <Items rows={rows} empty="" />
                  </section>
                )
              )
            })}
          </Stack>
        )}
      </Shown>
    </Stack>
  )
}

function Preview({ change, problems, again }: { change: Schemas['Reloaded'] | null; problems: string[]; again: () => Promise<unknown> }) {
  const gone = change?.gone ?? []
  const parts = [
    [t('Changed or new agents'), (change?.agents ?? []).filter((one) => !gone.includes(one))],
    [t('Removed agents; their waiting tasks go to other agents'), gone],
    [t('Desks whose workers restart'), change?.desks ?? []],
    [t('Takes effect when Octet restarts'), change?.restart ?? []],
    [t('Commands that come or go in Discord'), change?.groups ?? []],
  ] as const
  const lines = parts.filter(([, names]) => names.length)
  return (
    <section aria-label={t('Reload')}>
      <Group justify="space-between" align="flex-start" mb="xs">
        <Title order={2} size="h4">{t('What a reload would change')}</Title>
        <Group gap="xs">
          <Act call={again}>{t('Look again')}</Act>
          {change && (
            <Act variant="filled" needs="config.reload" disabled={!lines.length} call={() => resultOf(client.POST('/api/v2/config/reload', { body: {} })).then(again)}>
              {t('Reload')}
            </Act>
          )}
        </Group>
      </Group>
      {change === null && (
        <Alert color="red" role="alert" title={t('The configuration is invalid; a reload would change nothing')}>
          <List size="sm">{problems.map((one) => <List.Item key={one}>{one}</List.Item>)}</List>
        </Alert>
      )}
      {change && !lines.length && <Nothing>{t('Nothing: Octet works by what the files say.')}</Nothing>}
      {lines.map(([what, names]) => <Text key={what} size="sm"><b>{what}:</b> {names.join(', ')}</Text>)}
    </section>
  )
}

function Items({ rows, empty }: { rows: Item[]; empty: string }) {
  if (!rows.length) return <Nothing>{empty}</Nothing>
  const hasValues = rows.some((one) => one.value || one.kind === 'setting' || one.kind === 'secret')
  return (
    <div className="octet-wide">
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('Name')}</Table.Th>
            {hasValues && <Table.Th>{t('Value')}</Table.Th>}
            <Table.Th>{t('From')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((one) => (
            <Table.Tr key={`${one.kind} ${one.name} ${one.file}`}>
              <Table.Td>{one.name}</Table.Td>
              {hasValues && <Table.Td>{one.kind === 'secret' ? <Sign colour={one.is_set ? 'green' : 'gray'}>{one.is_set ? t('set') : t('not set')}</Sign> : one.is_set === false ? t('not set') : one.value}</Table.Td>}
              <Table.Td>{!one.file ? (one.kind === 'secret' ? '' : t('Octet’s default')) : one.file === 'environment' ? t('the environment') : one.line ? `${one.file}:${one.line}` : one.file}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  )
}
