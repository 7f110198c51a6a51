// The list of tasks with its filters in the address, and a new task.
import { Button, Group, NativeSelect, Stack, Table, TextInput, Textarea, Title } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation, useSearch } from 'wouter'
import { client, resultOf, type Schemas } from '../../api'
import { Act, Ago, Nothing, Shown, State, To } from '../../parts'
import { statesOf, wordOf } from '../../words'

type State = Schemas['TaskState']

export default function Tasks() {
  const search = new URLSearchParams(useSearch())
  const [where, go] = useLocation()
  const state = search.get('state') ?? ''
  const text = search.get('text') ?? ''
  const filter = (name: string, value: string) => {
    if (value) search.set(name, value)
    else search.delete(name)
    go(`${where}?${search}`, { replace: true })
  }
  const tasks = useInfiniteQuery({
    queryKey: ['tasks', state, text],
    initialPageParam: '',
    queryFn: ({ pageParam }) =>
      resultOf(
        client.GET('/api/v2/tasks', {
          params: { query: { state: (state || undefined) as State | undefined, text: text || undefined, cursor: pageParam || undefined } },
        }),
      ),
    getNextPageParam: (last) => last.next || undefined,
  })
  const rows = tasks.data?.pages.flatMap((page) => page.items) ?? []
  return (
    <Stack>
      <Title order={1} size="h2">Tasks</Title>
      <NewTask />
      <Group align="flex-end">
        <NativeSelect
          label="State"
          value={state}
          onChange={(event) => filter('state', event.currentTarget.value)}
          data={[{ value: '', label: 'All' }, ...statesOf('task').map((one) => ({ value: one, label: wordOf('task', one) }))]}
        />
        <TextInput label="Text" defaultValue={text} onBlur={(event) => filter('text', event.currentTarget.value)} onKeyDown={(event) => event.key === 'Enter' && filter('text', event.currentTarget.value)} />
      </Group>
      <Shown query={tasks}>
        {() =>
          rows.length === 0 ? (
            <Nothing>{state || text ? 'No task fits these filters.' : 'No tasks yet. Write the first one above.'}</Nothing>
          ) : (
            <div className="octet-wide">
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Task</Table.Th>
                    <Table.Th>State</Table.Th>
                    <Table.Th visibleFrom="sm">Agent</Table.Th>
                    <Table.Th visibleFrom="sm">Changed</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {rows.map((task) => (
                    <Table.Tr key={task.id}>
                      <Table.Td><To href={`/tasks/${task.id}`}>{`${task.id} ${task.title}`}</To></Table.Td>
                      <Table.Td><State of="task" state={task.state} /></Table.Td>
                      <Table.Td visibleFrom="sm">{task.agent}</Table.Td>
                      <Table.Td visibleFrom="sm"><Ago ms={task.changed_ms} /></Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </div>
          )
        }
      </Shown>
      {tasks.hasNextPage && <Button variant="default" onClick={() => void tasks.fetchNextPage()}>More</Button>}
    </Stack>
  )
}

function NewTask() {
  const [brief, setBrief] = useState('')
  const [agent, setAgent] = useState('')
  const [priority, setPriority] = useState('')
  const [key, setKey] = useState(() => crypto.randomUUID())
  const [, go] = useLocation()
  return (
    <Stack gap="xs" component="section" aria-label="New task">
      <Textarea label="New task" placeholder="What is to be done" autosize minRows={2} value={brief} onChange={(event) => setBrief(event.currentTarget.value)} />
      <Group align="flex-end">
        <TextInput label="Agent" placeholder="any" value={agent} onChange={(event) => setAgent(event.currentTarget.value)} />
        <NativeSelect
          label="Priority"
          value={priority}
          onChange={(event) => setPriority(event.currentTarget.value)}
          data={['', '0', '1', '2', '3', '4'].map((one) => ({ value: one, label: { '': 'usual', '0': '0, most urgent' }[one] ?? one }))}
        />
      </Group>
      <Act
        variant="filled"
        disabled={!brief.trim()}
        call={async () => {
          const task = await resultOf(
            client.POST('/api/v2/tasks', {
              params: { header: { 'Idempotency-Key': key } },
              body: { brief, agent: agent.trim() || null, priority: priority === '' ? null : Number(priority) },
            }),
          )
          setBrief('')
          setKey(crypto.randomUUID())
          go(`/tasks/${task.id}`)
        }}
      >
        Create
      </Act>
    </Stack>
  )
}
