// All messages, the inboxes of agents and of the user, and a message to one agent or all.
import { Button, Group, NativeSelect, Stack, Text, Textarea, TextInput, Title } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { useLocation, useSearch } from 'wouter'
import { client, resultOf, type Schemas } from '../../api'
import { t } from '../../language'
import { useMe, useNameOf, usePeople } from '../../me'
import { Act, Ago, Nothing, Shown, Sign, To } from '../../parts'
import { colourOf, wordOf } from '../../words'

const ALL = 'all'

const EVERY = ''
const MINE = 'me'

export default function Messages() {
  const search = new URLSearchParams(useSearch())
  const [where, go] = useLocation()
  const me = useMe().data?.id
  const agents = useQuery({ queryKey: ['agents'], queryFn: () => resultOf(client.GET('/api/v2/agents', { params: { query: { limit: 500 } } })) })
  const narrow = (name: string, value: string) => {
    if (value) search.set(name, value)
    else search.delete(name)
    go(`${where}?${search}`, { replace: true })
  }
  const inbox = search.get('inbox') ?? EVERY
  const others = new Map(usePeople().map((one) => [one.holder, one.name || one.holder]).filter(([holder]) => holder !== me) as [string, string][])
  const people = [...others].map(([value, label]) => ({ value, label }))
  const filter = search.get('filter') ?? ''
  return (
    <Stack>
      <Title order={1} size="h2">{t('Messages')}</Title>
      <Shown query={agents}>
        {({ items }) => {
          const names = items.map((one) => one.agent.name)
          const choices = [{ value: EVERY, label: t('all') }, { value: MINE, label: t('me') }, ...names.map((name) => ({ value: name, label: name })), ...people]
          return (
            <>
              <Send names={names} />
              <Group align="flex-end">
                <NativeSelect label={t('Inbox of')} data={choices} value={inbox} onChange={(event) => narrow('inbox', event.currentTarget.value)} />
                <TextInput
                  key={filter}
                  label={t('Filter')}
                  description={names.includes(inbox) ? t('A text') : t('Such as {example}, or a text', { example: 'from:Agent-1 kind:reply' })}
                  defaultValue={filter}
                  onBlur={(event) => narrow('filter', event.currentTarget.value)}
                  onKeyDown={(event) => event.key === 'Enter' && narrow('filter', event.currentTarget.value)}
                />
              </Group>
              {names.includes(inbox) ? <Inbox agent={inbox} text={filter} /> : <List of={inbox === MINE ? me : inbox} filter={filter} />}
            </>
          )
        }}
      </Shown>
    </Stack>
  )
}

/** What one agent has got or will get, and how far each has come. */
function Inbox({ agent, text }: { agent: string; text: string }) {
  const inbox = useQuery({
    queryKey: ['inbox', agent, text],
    queryFn: () => resultOf(client.GET('/api/v2/agents/{agent}/inbox', { params: { path: { agent }, query: { search: text || undefined, limit: 100 } } })),
  })
  return (
    <section aria-label={t('Inbox')}>
      <Shown query={inbox}>
        {(rows) => (
          <Rows isFiltered={Boolean(text)}>
            {rows.map(({ message, state }) => (
              <Row key={message.id} message={message}><Sign colour={colourOf('entry', state)}>{wordOf('entry', state)}</Sign></Row>
            ))}
          </Rows>
        )}
      </Shown>
    </section>
  )
}

/** The messages of all, or those to one user. */
function List({ of, filter }: { of?: string; filter: string }) {
  const asked = [of && `to:"${of.includes(':') ? `person:${of}` : of}"`, filter].filter(Boolean).join(' ')
  const list = useInfiniteQuery({
    queryKey: ['messages', asked],
    enabled: of !== undefined,
    initialPageParam: '',
    queryFn: ({ pageParam }) => resultOf(client.GET('/api/v2/messages', { params: { query: { filter: asked || undefined, cursor: pageParam || undefined } } })),
    getNextPageParam: (last) => last.next || undefined,
  })
  const rows = list.data?.pages.flatMap((page) => page.items) ?? []
  return (
    <section aria-label={t('Inbox')}>
      <Shown query={list}>
        {() => <Rows isFiltered={Boolean(filter)}>{rows.map((message) => <Row key={message.id} message={message} />)}</Rows>}
      </Shown>
      {list.hasNextPage && <Button mt="sm" variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>{t('Older')}</Button>}
    </section>
  )
}

function Rows({ isFiltered, children }: { isFiltered: boolean; children: ReactNode[] }) {
  if (!children.length) return <Nothing>{isFiltered ? t('No message fits this filter.') : t('There are no messages here.')}</Nothing>
  return <div className="octet-rows">{children}</div>
}

function Row({ message, children }: { message: Schemas['Message']; children?: ReactNode }) {
  const nameOf = useNameOf()
  return (
    <div className="octet-row">
      <Group justify="space-between">
        <Text size="sm"><To href={`/messages/M-${message.id}`}>{t('From {sender} to {recipient}', { sender: message.sender_name || nameOf(message.sender), recipient: nameOf(message.recipient) })}</To></Text>
        <Group gap="xs">
          {children}
          <Ago ms={message.created_ms} />
        </Group>
      </Group>
      <pre className="octet-text octet-cut">{message.body}</pre>
      {message.task && <Text size="sm">{t('About')} <To href={`/tasks/${message.task}`}>{message.task}</To></Text>}
    </div>
  )
}

/** Send a text to one agent, or to all that are available. */
function Send({ names }: { names: string[] }) {
  const [to, setTo] = useState(names[0] ?? ALL)
  const [text, setText] = useState('')
  const [key, setKey] = useState(() => crypto.randomUUID())
  const [sent, setSent] = useState<Schemas['AgentMessageView']>()
  const send = async () => {
    const params = { header: { 'Idempotency-Key': key } }
    const call =
      to === ALL
        ? resultOf(client.POST('/api/v2/messages/broadcast', { params, body: { text } }))
        : resultOf(client.POST('/api/v2/messages', { params, body: { text, agent: to } }))
    setSent(await call)
    setText('')
    setKey(crypto.randomUUID())
  }
  const leftOut = sent?.left_out ?? []
  return (
    <Stack gap="xs" component="section" aria-label={t('New message')}>
      <NativeSelect label={t('To')} data={[...names, { value: ALL, label: t('All available agents') }]} value={to} onChange={(event) => setTo(event.currentTarget.value)} />
      <Textarea label={t('Message')} autosize minRows={2} value={text} onChange={(event) => setText(event.currentTarget.value)} />
      <Act variant="filled" needs={to === ALL ? 'message.broadcast' : 'message.send'} disabled={!text.trim()} call={send}>{t('Send')}</Act>
      {sent && (
        <Text size="sm" role="status">
          <To href={`/messages/M-${sent.message.id}`}>{`M-${sent.message.id}`}</To> {t('is on its way to {number} agents.', { number: sent.deliveries.length })}{' '}
          {leftOut.length > 0 && t('These do not get it: {names}.', { names: leftOut.map((one) => one.agent).join(', ') })}
        </Text>
      )}
    </Stack>
  )
}
