// One message in its chain: who sent what to whom, because of what, and how far each has come.
import { Group, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { client, resultOf, type Schemas } from '../../api'
import { t } from '../../language'
import { useNameOf } from '../../me'
import { Act, Ago, Shown, Sign, To } from '../../parts'
import { colourOf, wordOf } from '../../words'

type Step = Schemas['TraceStep']

export default function Message({ id }: { id: string }) {
  const path = { params: { path: { message: id } } }
  const trace = useQuery({ queryKey: ['trace', id], queryFn: () => resultOf(client.GET('/api/v2/messages/{message}/trace', path)) })
  const again = () => trace.refetch()
  const nameOf = useNameOf()
  return (
    <Stack>
      <Title order={1} size="h2">{id}</Title>
      <Shown query={trace}>
        {({ stopped_by, texts, most, ...found }) => {
          const steps = found.steps as Step[]
          return (
          <Stack>
            <Group>
              <Text size="sm" c="var(--octet-quiet)">{t('A chain of {count} messages; agents may send {most} in it, and sent {texts}.', { count: steps.length, most, texts })}</Text>
              {stopped_by && <Sign colour="orange">{t('stopped by {who}', { who: nameOf(stopped_by) })}</Sign>}
            </Group>
            <Tree steps={steps} of={null} here={id} />
            <Group align="flex-start">
              {stopped_by ? (
                <Act needs="message.send" call={() => resultOf(client.POST('/api/v2/messages/{message}/trace/resume', path)).then(again)}>{t('Let them continue')}</Act>
              ) : (
                <Act needs="message.send" sure={t('Drop what no agent has yet, and refuse more?')} call={() => resultOf(client.POST('/api/v2/messages/{message}/trace/stop', path)).then(again)}>{t('Stop the chain')}</Act>
              )}
              {isWaiting(steps, id) && <Act sure={t('Cancel {id}?', { id })} call={() => resultOf(client.POST('/api/v2/messages/{message}/cancel', { ...path, body: {} })).then(again)}>{t('Cancel the message')}</Act>}
            </Group>
          </Stack>
          )
        }}
      </Shown>
    </Stack>
  )
}

const isWaiting = (steps: Step[], id: string) =>
  steps.some((one) => `M-${one.message.id}` === id && one.inboxes.some(([, state]) => state === 'held' || state === 'unread'))

/** The messages that this one caused, each with those that it caused in turn. */
function Tree({ steps, of, here }: { steps: Step[]; of: string | null; here: string }) {
  const nameOf = useNameOf()
  const known = new Set(steps.map((one) => one.message.id))
  const found = steps.filter(({ message }) => (message.cause && known.has(message.cause) ? message.cause : null) === of)
  if (!found.length) return null
  return (
    <ul className="octet-tree">
      {found.map(({ message, inboxes }) => (
        <li key={message.id}>
          <div className="octet-row" aria-current={here === `M-${message.id}` || undefined}>
            <Group justify="space-between">
              <Text size="sm">
                <To href={`/messages/M-${message.id}`}>{`M-${message.id}`}</To> <b>{message.sender_name || nameOf(message.sender)}</b> → <b>{nameOf(message.recipient)}</b>
              </Text>
              <Ago ms={message.created_ms} />
            </Group>
            <pre className="octet-text">{message.body}</pre>
            <Group gap="xs">
              {inboxes.map(([agent, state]) => (
                <Text key={agent} size="sm">{agent}: <Sign colour={colourOf('entry', state)}>{wordOf('entry', state)}</Sign></Text>
              ))}
              {message.task && <Text size="sm">{t('About')} <To href={`/tasks/${message.task}`}>{message.task}</To></Text>}
            </Group>
          </div>
          <Tree steps={steps} of={message.id} here={here} />
        </li>
      ))}
    </ul>
  )
}
