// Inboxes of agents, and a message to one or all of them.
import { Group, NativeSelect, Stack, Text, Textarea, TextInput, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation, useSearch } from 'wouter'
import { client, resultOf, type Schemas } from '../../api'
import { t } from '../../language'
import { Act, Ago, Nothing, Shown, Sign, To } from '../../parts'
import { colourOf, wordOf } from '../../words'

const ALL = 'all'

export default function Messages() {
  const search = new URLSearchParams(useSearch())
  const [where, go] = useLocation()
  const agents = useQuery({ queryKey: ['agents'], queryFn: () => resultOf(client.GET('/api/v2/agents', { params: { query: { limit: 500 } } })) })
  const narrow = (name: string, value: string) => {
    if (value) search.set(name, value)
    else search.delete(name)
    go(`${where}?${search}`, { replace: true })
  }
  return (
    <Stack>
      <Title order={1} size="h2">{t('Messages')}</Title>
      <Shown query={agents}>
        {({ items }) => {
          const names = items.map((one) => one.agent.name)
          const agent = search.get('agent') ?? names[0] ?? ''
          if (!agent) return <Nothing>{t('No agents yet, so there are no messages.')} <To href="/setup">{t('Set the first agent up')}</To></Nothing>
          return (
            <>
              <Send names={names} />
              <Group align="flex-end">
                <NativeSelect label={t('Inbox of')} data={names} value={agent} onChange={(event) => narrow('agent', event.currentTarget.value)} />
                <TextInput
                  label={t('With this text')}
                  defaultValue={search.get('text') ?? ''}
                  onBlur={(event) => narrow('text', event.currentTarget.value)}
                  onKeyDown={(event) => event.key === 'Enter' && narrow('text', event.currentTarget.value)}
                />
              </Group>
              <Inbox agent={agent} text={search.get('text') ?? ''} />
            </>
          )
        }}
      </Shown>
    </Stack>
  )
}

function Inbox({ agent, text }: { agent: string; text: string }) {
  const inbox = useQuery({
    queryKey: ['inbox', agent, text],
    queryFn: () => resultOf(client.GET('/api/v2/agents/{agent}/inbox', { params: { path: { agent }, query: { search: text || undefined, limit: 100 } } })),
  })
  return (
    <section aria-label={t('Inbox')}>
      <Shown query={inbox}>
        {(rows) =>
          rows.length === 0 ? (
            <Nothing>{text ? t('No message of this inbox has this text.') : t('This inbox is empty.')}</Nothing>
          ) : (
            <div className="octet-rows">
              {rows.map(({ message, state }) => (
                <div className="octet-row" key={message.id}>
                  <Group justify="space-between">
                    <Text fw={600} size="sm"><To href={`/messages/M-${message.id}`}>{`M-${message.id}`}</To> {t('from {sender}', { sender: message.sender_name || message.sender })}</Text>
                    <Group gap="xs">
                      <Sign colour={colourOf('entry', state)}>{wordOf('entry', state)}</Sign>
                      <Ago ms={message.created_ms} />
                    </Group>
                  </Group>
                  <pre className="octet-text">{message.body}</pre>
                  {message.task && <Text size="sm">{t('About')} <To href={`/tasks/${message.task}`}>{message.task}</To></Text>}
                </div>
              ))}
            </div>
          )
        }
      </Shown>
    </section>
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
