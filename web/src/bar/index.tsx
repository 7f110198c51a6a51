// The command bar: type to find a screen, an agent, a task or a verb; a verb opens as a form.
import { Stack, Text } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useDeferredValue, useId, useState, type KeyboardEvent } from 'react'
import { useLocation } from 'wouter'
import { client, resultOf } from '../api'
import { VERBS, useMayCall, type VerbOfApi } from '../form'
import { t } from '../language'
import { useMay, useMe } from '../me'
import { menuFor } from '../screens'
import { wordOf } from '../words'
import { Dialog } from './dialog'
import { VerbForm } from './form'

type Found = { key: string; kind: string; name: string; about?: string; take: () => void }

const MOST = 30

export default function Bar({ close }: { close: () => void }) {
  const [verb, setVerb] = useState<VerbOfApi>()
  return (
    <Dialog label={t('Commands')} close={close}>
      {verb ? <VerbForm verb={verb} close={close} back={() => setVerb(undefined)} /> : <Search close={close} choose={setVerb} />}
    </Dialog>
  )
}

function Search({ close, choose }: { close: () => void; choose: (verb: VerbOfApi) => void }) {
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const id = useId()
  const found = useFound(text, close, choose)
  const chosen = Math.min(at, found.length - 1)
  const press = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step && found.length) setAt((chosen + step + found.length) % found.length)
    else if (event.key === 'Enter') found[chosen]?.take()
    else return
    event.preventDefault()
  }
  return (
    <Stack gap="xs">
      <input
        className="octet-search"
        role="combobox"
        aria-expanded="true"
        aria-controls={`${id}list`}
        aria-activedescendant={found.length ? `${id}${chosen}` : undefined}
        aria-label={t('Find a screen, an agent, a task or a command')}
        placeholder={t('Find a screen, an agent, a task or a command')}
        autoFocus
        value={text}
        onKeyDown={press}
        onChange={(event) => {
          setText(event.currentTarget.value)
          setAt(0)
        }}
      />
      <ul role="listbox" id={`${id}list`} aria-label={t('Found')} className="octet-found">
        {found.map((one, number) => (
          <li
            key={one.key}
            id={`${id}${number}`}
            role="option"
            aria-selected={number === chosen}
            ref={number === chosen ? (row) => row?.scrollIntoView({ block: 'nearest' }) : undefined}
            onClick={one.take}
          >
            <span>{one.name}</span>
            <Text span size="sm" c="var(--octet-quiet)">{one.about}</Text>
            <Text span size="xs" c="var(--octet-quiet)">{one.kind}</Text>
          </li>
        ))}
      </ul>
      {found.length === 0 && <Text role="status">{t('Nothing found.')}</Text>}
    </Stack>
  )
}

/** Find what has all words of the text: screens, agents and verbs here, tasks at Octet. */
function useFound(text: string, close: () => void, choose: (verb: VerbOfApi) => void): Found[] {
  const [, go] = useLocation()
  const may = useMay()
  const me = useMe().data
  const asked = text.trim()
  const sought = useDeferredValue(asked)
  const mayCall = useMayCall()
  const agents = useQuery({
    queryKey: ['agents', 'names'],
    queryFn: () => resultOf(client.GET('/api/v2/agents', { params: { query: { limit: 100 } } })),
  })
  const tasks = useQuery({
    queryKey: ['tasks', 'found', sought],
    enabled: sought.length > 1,
    placeholderData: keepPreviousData,
    queryFn: () => resultOf(client.GET('/api/v2/tasks', { params: { query: { text: sought, limit: 8 } } })),
  })
  const to = (path: string) => () => {
    close()
    go(path)
  }
  const number = /^t?-?(\d+)$/i.exec(asked)?.[1]
  const places: Found[] = [
    ...(number ? [{ key: 'task by id', kind: t('task'), name: `T-${number}`, take: to(`/tasks/T-${number}`) }] : []),
    ...menuFor(may).map(({ name = '', path }) => ({ key: path, kind: t('screen'), name: t(name), take: to(path) })),
    ...(me?.views ?? []).map(({ name, address }) => ({ key: `view ${name}`, kind: t('view'), name, take: to(address) })),
    ...(agents.data?.items ?? []).map(({ agent, state }) => ({
      key: `agent ${agent.name}`,
      kind: t('agent'),
      name: agent.name,
      about: wordOf('agent', state),
      take: to(`/agents/${encodeURIComponent(agent.name)}`),
    })),
  ]
  const verbs = VERBS.filter(({ path, method }) => mayCall(path, method)).map((one) => ({
    key: one.name,
    kind: t('command'),
    name: one.name,
    about: one.summary,
    take: () => choose(one),
  }))
  const words = asked.toLowerCase().split(/\s+/)
  const fits = ({ name, about = '' }: Found) => words.every((word) => `${name} ${about}`.toLowerCase().includes(word))
  const known = (asked.length > 1 ? (tasks.data?.items ?? []) : []).map((task) => ({
    key: task.id,
    kind: t('task'),
    name: task.id,
    about: `${task.title} · ${wordOf('task', task.state)}`,
    take: to(`/tasks/${task.id}`),
  }))
  const all = [...places.filter((one) => one.key === 'task by id' || fits(one)), ...known, ...verbs.filter(fits)]
  const begins = ({ name }: Found) => name.toLowerCase().startsWith(asked.toLowerCase())
  return [...all.filter(begins), ...all.filter((one) => !begins(one))].slice(0, MOST)
}
