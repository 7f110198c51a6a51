// What users and an agent say to each other, or what is said in a task; newest at the bottom, like a chat.
import { Button, Group, Loader, Stack, Text, Title } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Suspense, lazy, useEffect, useRef, useState, type RefObject } from 'react'
import { client, resultOf, type Schemas } from '../../api'
import { Composer, type Sent } from '../../composer'
import { t } from '../../language'
import { useMay, useMe } from '../../me'
import { Needs, useHome } from '../../needs'
import { Ago, Nothing, Shown, Sign, State, To } from '../../parts'
import { Files } from '../../picture'
import LiveWindow from '../../window'
import { wordOf } from '../../words'

const Markdown = lazy(() => import('../../markdown'))

type Message = Schemas['Message']
type About = { task: string } | { agent: string }

export default function Chat({ about, id }: { about: string; id: string }) {
  return about === 'task' ? <TaskChat id={id} /> : <AgentChat name={id} />
}

function TaskChat({ id }: { id: string }) {
  const view = useQuery({ queryKey: ['tasks', id], queryFn: () => resultOf(client.GET('/api/v2/tasks/{task}', { params: { path: { task: id } } })) })
  const task = view.data?.task
  return (
    <Stack>
      <Title order={1} size="h2">{t('Chat about {task}', { task: id })}</Title>
      <Shown query={view}>
        {({ task: { state, agent, title, changed_ms } }) => (
          <Group gap="xs">
            <To href={`/tasks/${id}`}>{title}</To>
            <State of="task" state={state} />
            <Ago ms={changed_ms} />
            {agent && <To href={`/agents/${agent}`}>{agent}</To>}
          </Group>
        )}
      </Shown>
      <Conversation
        about={{ task: id }}
        progress={task?.state === 'working' ? task.progress : ''}
        requester={task?.requester}
        label={task?.state === 'done' ? t('Continue {task}', { task: id }) : t('Message about {task}', { task: id })}
      />
    </Stack>
  )
}

function AgentChat({ name }: { name: string }) {
  const agent = useQuery({ queryKey: ['agents', name], queryFn: () => resultOf(client.GET('/api/v2/agents/{agent}', { params: { path: { agent: name } } })) })
  return (
    <Stack>
      <Title order={1} size="h2">{t('Chat with {agent}', { agent: name })}</Title>
      <Shown query={agent}>
        {(one) => (
          <>
            <Group gap="xs">
              <State of="agent" state={one.state} />
              <Ago ms={one.since_ms} />
              <To href={`/agents/${name}`}>{one.agent.about}</To>
            </Group>
            <details>
              <summary>{t('What {agent} shows', { agent: name })}</summary>
              <LiveWindow agent={name} lane={one.agent.lane} />
            </details>
          </>
        )}
      </Shown>
      <Conversation about={{ agent: name }} label={t('Message to {agent}', { agent: name })} progress="" />
    </Stack>
  )
}

function Conversation({ about, label, progress, requester }: { about: About; label: string; progress: string; requester?: string }) {
  const said = useInfiniteQuery({
    queryKey: ['conversation', about],
    initialPageParam: '',
    queryFn: ({ pageParam }) => resultOf(client.GET('/api/v2/conversation', { params: { query: { ...about, cursor: pageParam || undefined } } })),
    getNextPageParam: (last) => last.next || undefined,
  })
  const home = useHome()
  const may = useMay()
  const me = useMe().data?.id
  const isOwn = requester !== undefined && requester === me && may('task.create')
  const [sent, setSent] = useState<Sent | null>(null)
  const messages = said.data?.pages.flatMap((page) => page.items).reverse() ?? []
  const open = home.data?.needs.filter(({ need }) => ('task' in about ? need.task === about.task : need.agent === about.agent)) ?? []
  const log = useRef<HTMLDivElement>(null)
  useEndInView(log, said.isSuccess)
  return (
    <>
      <Shown query={said}>
        {() => (
          <div ref={log} className="octet-chat" role="log" aria-label={t('Messages')}>
            {said.hasNextPage && <Button size="xs" variant="default" loading={said.isFetchingNextPage} onClick={() => void said.fetchNextPage()}>{t('Earlier')}</Button>}
            {messages.length === 0 && !sent && <Nothing>{t('Nothing was said yet. Write below.')}</Nothing>}
            {messages.map((one, number) => <Bubble key={one.id} message={one} isTask={'task' in about} isFirst={number === 0} />)}
            {sent && <article className="octet-bubble" data-own><Text size="sm" c="var(--octet-quiet)">{t('Sending')}</Text><Text className="octet-said">{sent.text}</Text></article>}
            {progress && <article className="octet-bubble"><Text size="sm" c="var(--octet-quiet)">{t('At work')}</Text><Text className="octet-said">{progress}</Text></article>}
            <Needs needs={open} />
          </div>
        )}
      </Shown>
      {(isOwn || may('message.send')) && <Composer label={label} to={about} sending={setSent} />}
    </>
  )
}

/** Keep the newest in view as long as the user has not scrolled away from it. */
function useEndInView(log: RefObject<HTMLElement | null>, isThere: boolean): void {
  useEffect(() => {
    if (!log.current) return
    let isPinned = true
    const page = document.documentElement
    const scrolled = () => (isPinned = page.scrollTop + page.clientHeight > page.scrollHeight - 150)
    const grown = new ResizeObserver(() => isPinned && page.scrollTo({ top: page.scrollHeight }))
    grown.observe(log.current)
    window.addEventListener('scroll', scrolled, { passive: true })
    return () => {
      grown.disconnect()
      window.removeEventListener('scroll', scrolled)
    }
  }, [log, isThere])
}

function Bubble({ message, isTask, isFirst }: { message: Message; isTask: boolean; isFirst: boolean }) {
  const isAgents = message.sender.startsWith('agent:')
  const who = isAgents ? message.sender.slice(6) : message.sender_name || (message.sender === 'operator' ? t('The operator') : t('Octet'))
  return (
    <article className="octet-bubble" data-own={!isAgents || undefined}>
      <Group gap="xs">
        <Text size="sm" fw={600}>{who}</Text>
        <Sign colour={message.final ? 'green' : 'gray'}>{message.final ? t('Answer') : wordOf('message', message.kind)}</Sign>
        {message.late && <Sign colour="orange">{t('late')}</Sign>}
        {!isTask && message.task && <To href={`/chat/task/${message.task}`}>{message.task}</To>}
        <Ago ms={message.created_ms} />
      </Group>
      {isTask && message.kind === 'task' && !isFirst ? (
        <details>
          <summary>{t('What {agent} got', { agent: message.recipient.replace('agent:', '') })}</summary>
          <Text className="octet-said">{message.body}</Text>
        </details>
      ) : message.expired_ms ? (
        <Nothing>{t('This text has expired.')}</Nothing>
      ) : isAgents ? (
        <Suspense fallback={<Loader size="xs" aria-label={t('Loading')} />}><Markdown text={message.body} /></Suspense>
      ) : (
        <Text className="octet-said">{message.body}</Text>
      )}
      {message.evidence.map((one) => (
        <Text size="sm" key={`${one.kind} ${one.text}`}>{wordOf('evidence', one.kind)}: {one.text}</Text>
      ))}
      <Files of={`/messages/${message.id}`} files={message.attachments} />
    </article>
  )
}
