// All tasks, as a table or a board, with the view in the address; acts on several; and a new task.
import { Button, Group, NativeSelect, Stack, TextInput, Title } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { useLocation, useSearch } from 'wouter'
import { client, resultOf, type Schemas } from '../../api'
import { AgentField } from '../../form'
import { t } from '../../language'
import { Nothing, Shown } from '../../parts'
import { statesOf, wordOf } from '../../words'
import { Bulk, planOf, type Plan } from './bulk'
import { NewTask } from './new'
import './tasks.css'

export type Task = Schemas['Task']
export type Chosen = {
  chosen: Set<string>
  choose: (ids: string[], isChosen: boolean) => void
  propose: (id: string, verb: 'cancel' | 'retry') => void // asks first
  sort: string
  sortBy: (sort: string) => void
}

const Table = lazy(() => import('./table'))
const Board = lazy(() => import('./board'))
const BOARD_ROWS = 200
/** Whether another state has the same word. */
const isShared = (state: string) => statesOf('task').some((other) => other !== state && wordOf('task', other) === wordOf('task', state))

export default function Tasks() {
  const search = new URLSearchParams(useSearch())
  const [where, go] = useLocation()
  const [chosen, setChosen] = useState(new Set<string>())
  const [plan, setPlan] = useState<Plan>()
  const value = (name: string) => search.get(name) ?? ''
  const isBoard = value('view') === 'board'
  const change = (name: string, value: string) => {
    if (value) search.set(name, value)
    else search.delete(name)
    go(search.size ? `${where}?${search}` : where, { replace: true })
  }
  const choose = (ids: string[], isChosen: boolean) => {
    const found = new Set(chosen)
    ids.forEach((id) => (isChosen ? found.add(id) : found.delete(id)))
    setChosen(found)
    setPlan(undefined)
  }
  const clear = () => {
    setChosen(new Set())
    setPlan(undefined)
  }
  const propose: Chosen['propose'] = (id, verb) => {
    setChosen(new Set([id]))
    setPlan(planOf(verb, 1))
  }
  const filters = { state: value('state') || (isBoard && !value('filter').includes('state:') ? 'all' : ''), agent: value('agent'), filter: value('filter'), sort: isBoard ? '' : value('sort') }
  const isFiltered = Boolean(value('state') || filters.agent || filters.filter)
  const given = Object.fromEntries(Object.entries(filters).filter(([, one]) => one)) as { state?: Schemas['TaskState'] }
  const tasks = useInfiniteQuery({
    queryKey: ['tasks', 'list', filters, isBoard],
    initialPageParam: '',
    queryFn: ({ pageParam }) =>
      resultOf(client.GET('/api/v2/tasks', { params: { query: { ...given, limit: isBoard ? BOARD_ROWS : 50, cursor: pageParam || undefined } } })),
    getNextPageParam: (last) => last.next || undefined,
  })
  const rows = tasks.data?.pages.flatMap((page) => page.items) ?? []
  const Rows = isBoard ? Board : Table
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={1} size="h2">{t('Tasks')}</Title>
        <Group gap={4} role="group" aria-label={t('View')}>
          {(['', 'board'] as const).map((view) => (
            <Button key={view} className="octet-choice" size="compact-sm" variant="default" aria-pressed={isBoard === (view === 'board')} onClick={() => change('view', view)}>
              {view ? t('Board') : t('Table')}
            </Button>
          ))}
        </Group>
      </Group>
      <NewTask />
      <Group align="flex-end" component="section" aria-label={t('Filters')}>
        <NativeSelect
          label={t('State')}
          value={value('state')}
          onChange={(event) => change('state', event.currentTarget.value)}
          data={[
            { value: '', label: isBoard ? t('all') : t('not ended') },
            { value: 'ended', label: t('ended') },
            ...(isBoard ? [{ value: 'open', label: t('not ended') }] : [{ value: 'all', label: t('all') }]),
            ...statesOf('task').map((one) => ({ value: one, label: isShared(one) ? `${wordOf('task', one)} (${one})` : wordOf('task', one) })),
          ]}
        />
        <AgentField label={t('Agent')} any={t('all')} value={filters.agent} choose={(agent) => change('agent', agent)} />
        <TextInput
          key={filters.filter}
          label={t('Filter')}
          placeholder="label:docs priority:0,1"
          defaultValue={filters.filter}
          onBlur={(event) => event.currentTarget.value !== filters.filter && change('filter', event.currentTarget.value)}
          onKeyDown={(event) => event.key === 'Enter' && change('filter', event.currentTarget.value)}
        />
        {isFiltered && <Button size="xs" variant="subtle" onClick={() => go(isBoard ? `${where}?view=board` : where)}>{t('Clear filters')}</Button>}
      </Group>
      <Bulk ids={[...chosen]} plan={plan} setPlan={setPlan} clear={clear} />
      <Shown query={tasks}>
        {() =>
          rows.length === 0 ? (
            <Nothing>{isFiltered ? t('No task fits these filters.') : isBoard ? t('No tasks yet. Write the first one above.') : t('No task is open. Write one above, or show those that have ended.')}</Nothing>
          ) : (
            <Suspense>
              <Rows tasks={rows} chosen={chosen} choose={choose} propose={propose} sort={filters.sort} sortBy={(sort) => change('sort', sort)} />
            </Suspense>
          )
        }
      </Shown>
      {tasks.hasNextPage && <Button variant="default" loading={tasks.isFetchingNextPage} onClick={() => void tasks.fetchNextPage()}>{t('More')}</Button>}
    </Stack>
  )
}
