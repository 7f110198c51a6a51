// People and their roles, API keys, and the browsers that are logged in.
import '@mantine/core/styles/Checkbox.css'
import '@mantine/core/styles/Code.css'
import '@mantine/core/styles/Fieldset.css'
import { Alert, Checkbox, Code, CopyButton, Button, Fieldset, Group, NativeSelect, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { client, resultOf, type Schemas } from '../../api'
import { t } from '../../language'
import { useMay, useNameOf } from '../../me'
import { Act, Ago, Nothing, Shown } from '../../parts'
import { statesOf, wordOf } from '../../words'

type Role = Schemas['Role']
const ROLES: Role[] = ['viewer', 'member', 'operator', 'admin', 'owner']

export default function People() {
  const may = useMay()
  return (
    <Stack>
      <Title order={1} size="h2">{t('People and keys')}</Title>
      {may('role.manage') && <Roles />}
      {may('key.manage') && <Keys />}
      <LogIns />
    </Stack>
  )
}

function Rows({ head, children }: { head: string[]; children: ReactNode }) {
  return (
    <div className="octet-wide">
      <Table>
        <Table.Thead><Table.Tr>{head.map((one) => <Table.Th key={one}>{one}</Table.Th>)}</Table.Tr></Table.Thead>
        <Table.Tbody>{children}</Table.Tbody>
      </Table>
    </div>
  )
}

const until = (ms: number) => <time dateTime={new Date(ms).toISOString()}>{new Date(ms).toLocaleString()}</time>

function Roles() {
  const nameOf = useNameOf()
  const queries = useQueryClient()
  const again = () => queries.invalidateQueries({ queryKey: ['roles'] })
  const roles = useQuery({ queryKey: ['roles'], queryFn: () => resultOf(client.GET('/api/v2/admin/roles')) })
  const end = (one: Schemas['Binding']) => {
    const path = { who: one.holder }
    if (one.expires_ms) return resultOf(client.POST('/api/v2/admin/grants/{who}/revoke', { params: { path } })).then(again)
    return resultOf(client.POST('/api/v2/admin/roles/{who}/unbind', { params: { path }, body: { channel: one.channel || null } })).then(again)
  }
  return (
    <section aria-label={t('People')}>
      <Title order={2} size="h4" mb="xs">{t('People')}</Title>
      <Shown query={roles}>
        {(rows) =>
          rows.length === 0 ? (
            <Nothing>{t('Only this machine’s operator may do anything yet. Give a person a role below.')}</Nothing>
          ) : (
            <Rows head={[t('Who'), t('Role'), t('Where'), t('Until'), t('Given by'), t('What for'), '']}>
              {rows.map((one) => (
                <Table.Tr key={`${one.holder} ${one.channel} ${one.expires_ms}`}>
                  <Table.Td>{one.name ? `${one.name} (${one.holder})` : one.holder}</Table.Td>
                  <Table.Td>{one.role}</Table.Td>
                  <Table.Td>{one.channel ? t('channel {id}', { id: one.channel }) : t('everywhere')}</Table.Td>
                  <Table.Td>{one.expires_ms ? until(one.expires_ms) : t('for good')}</Table.Td>
                  <Table.Td>{nameOf(one.bound_by)} <Ago ms={one.since_ms} /></Table.Td>
                  <Table.Td>{one.purpose}</Table.Td>
                  <Table.Td><Act sure={t('Take the role {role} away?', { role: one.role })} call={() => end(one)}>{t('Take away')}</Act></Table.Td>
                </Table.Tr>
              ))}
            </Rows>
          )
        }
      </Shown>
      <GiveRole again={again} />
    </section>
  )
}

/** Give a role for good, or for some hours where these are given. */
export function GiveRole({ again }: { again: (who: string) => unknown }) {
  const [who, setWho] = useState('')
  const [role, setRole] = useState<Role>('member')
  const [channel, setChannel] = useState('')
  const [hours, setHours] = useState('')
  const [reason, setReason] = useState('')
  const give = async () => {
    const holder = who.includes(':') ? who.trim() : `discord:${who.trim()}`
    if (hours) await resultOf(client.POST('/api/v2/admin/grants', { body: { who: holder, role, hours: Number(hours), reason } }))
    else await resultOf(client.POST('/api/v2/admin/roles', { body: { who: holder, role, channel: channel.trim() || null } }))
    setWho('')
    await again(holder)
  }
  return (
    <Fieldset legend={t('Give a role')} mt="sm">
      <Group align="flex-end">
        <TextInput label={t('Who')} description={t('The number of a Discord user, or discord-role:NUMBER')} value={who} onChange={(event) => setWho(event.currentTarget.value)} />
        <NativeSelect label={t('Role')} data={ROLES} value={role} onChange={(event) => setRole(event.currentTarget.value as Role)} />
        <TextInput type="number" label={t('Hours')} description={t('Empty: for good')} min={1} max={720} value={hours} onChange={(event) => setHours(event.currentTarget.value)} />
        {hours ? (
          <TextInput label={t('What for')} value={reason} onChange={(event) => setReason(event.currentTarget.value)} />
        ) : (
          <TextInput label={t('Channel')} description={t('Empty: everywhere')} value={channel} onChange={(event) => setChannel(event.currentTarget.value)} />
        )}
        <Act variant="filled" disabled={!who.trim() || Boolean(hours && !reason.trim())} call={give}>{t('Give the role')}</Act>
      </Group>
    </Fieldset>
  )
}

function Keys() {
  const nameOf = useNameOf()
  const queries = useQueryClient()
  const keys = useQuery({ queryKey: ['keys'], queryFn: () => resultOf(client.GET('/api/v2/admin/keys')) })
  const again = () => queries.invalidateQueries({ queryKey: ['keys'] })
  return (
    <section aria-label={t('API keys')}>
      <Title order={2} size="h4" mb="xs">{t('API keys')}</Title>
      <Shown query={keys}>
        {(rows) =>
          rows.length === 0 ? (
            <Nothing>{t('No API keys. A program needs one to call Octet.')}</Nothing>
          ) : (
            <Rows head={[t('Name'), t('May'), t('Made by'), t('Last used'), t('Ends'), '']}>
              {rows.map((one) => (
                <Table.Tr key={one.name}>
                  <Table.Td>{one.name}</Table.Td>
                  <Table.Td>{one.scopes.map((scope) => wordOf('permission', scope)).join(', ')}</Table.Td>
                  <Table.Td>{nameOf(one.made_by)} <Ago ms={one.since_ms} /></Table.Td>
                  <Table.Td>{one.used_ms ? <Ago ms={one.used_ms} /> : t('never')}</Table.Td>
                  <Table.Td>{one.revoked_ms ? <>{t('revoked')} <Ago ms={one.revoked_ms} /></> : until(one.expires_ms)}</Table.Td>
                  <Table.Td>
                    {!one.revoked_ms && (
                      <Act sure={t('Refuse the key {name} from now on?', { name: one.name })} call={() => resultOf(client.POST('/api/v2/admin/keys/{name}/revoke', { params: { path: { name: one.name } } })).then(again)}>
                        {t('Revoke')}
                      </Act>
                    )}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Rows>
          )
        }
      </Shown>
      <NewKey again={again} />
    </section>
  )
}

function NewKey({ again }: { again: () => unknown }) {
  const [name, setName] = useState('')
  const [scopes, setScopes] = useState<string[]>([])
  const [days, setDays] = useState('90')
  const [secret, setSecret] = useState('')
  const make = async () => {
    const made = await resultOf(client.POST('/api/v2/admin/keys', { body: { name, scopes, days: Number(days) } }))
    setSecret(made.secret)
    setName('')
    setScopes([])
    await again()
  }
  return (
    <Fieldset legend={t('Make a key')} mt="sm">
      {secret && (
        <Alert color="green" title={t('Copy the key now: Octet does not show it again')} mb="sm" withCloseButton closeButtonLabel={t('Hide the key')} onClose={() => setSecret('')}>
          <Group>
            <Code data-secret>{secret}</Code>
            <CopyButton value={secret}>{({ copied, copy }) => <Button size="xs" variant="default" onClick={copy}>{copied ? t('Copied') : t('Copy')}</Button>}</CopyButton>
          </Group>
          <Text size="sm">{t('The program sends it as {header}.', { header: 'Authorization: Bearer …' })}</Text>
        </Alert>
      )}
      <Stack gap="sm">
        <Group align="flex-end">
          <TextInput label={t('Name')} value={name} onChange={(event) => setName(event.currentTarget.value)} />
          <TextInput type="number" label={t('Days')} min={1} max={3650} value={days} onChange={(event) => setDays(event.currentTarget.value)} />
        </Group>
        <Checkbox.Group label={t('What it may do')} description={t('At each use it may do at most what you may do then.')} value={scopes} onChange={setScopes}>
          <div className="octet-choices">{statesOf('permission').map((one) => <Checkbox key={one} value={one} label={wordOf('permission', one)} />)}</div>
        </Checkbox.Group>
        <Act variant="filled" disabled={!name.trim() || !scopes.length} call={make}>{t('Make the key')}</Act>
      </Stack>
    </Fieldset>
  )
}

/** What a browser calls itself, in short. */
function browserOf(agent: string): string {
  const first = (names: string[]) => names.find((one) => agent.includes(one)) ?? ''
  const name = first(['Firefox', 'Edg', 'Chrome', 'Safari']).replace('Edg', 'Edge')
  const system = first(['Windows', 'Android', 'iPhone', 'iPad', 'Mac OS', 'Linux'])
  return name && system ? t('{name} on {system}', { name, system }) : agent
}

function LogIns() {
  const nameOf = useNameOf()
  const queries = useQueryClient()
  const found = useQuery({ queryKey: ['log-ins'], queryFn: () => resultOf(client.GET('/api/v2/log-ins')) })
  const end = (id: string) =>
    resultOf(client.POST('/api/v2/log-ins/{log_in}/end', { params: { path: { log_in: id } } })).then(() => queries.invalidateQueries({ queryKey: ['log-ins'] }))
  return (
    <section aria-label={t('Log-ins')}>
      <Title order={2} size="h4" mb="xs">{t('Browsers that are logged in')}</Title>
      <Shown query={found}>
        {(rows) => (
          <Rows head={[t('Who'), t('Browser'), t('Since'), t('Ends'), '']}>
            {rows.map((one) => (
              <Table.Tr key={one.id}>
                <Table.Td title={one.who}>{nameOf(one.who)}</Table.Td>
                <Table.Td title={one.browser}>{browserOf(one.browser)}</Table.Td>
                <Table.Td><Ago ms={one.since_ms} /></Table.Td>
                <Table.Td>{until(one.ends_ms)}</Table.Td>
                <Table.Td><Act sure={t('Log this browser out?')} call={() => end(one.id)}>{t('Log out')}</Act></Table.Td>
              </Table.Tr>
            ))}
          </Rows>
        )}
      </Shown>
    </section>
  )
}
