// The table of tasks.
import { Checkbox, Table, Text, UnstyledButton } from '@mantine/core'
import { rowSelectionFeature, tableFeatures, useTable, type ColumnDef } from '@tanstack/react-table'
import { t } from '../../language'
import { Ago, State, To } from '../../parts'
import type { Chosen, Task } from '.'

const features = tableFeatures({ rowSelectionFeature })
type Column = ColumnDef<typeof features, Task>

const COLUMNS: (Column & { id: string })[] = [
  { id: 'task', header: () => t('Task'), cell: ({ row }) => <To href={`/tasks/${row.original.id}`}>{`${row.original.id} ${row.original.title}`}</To> },
  { id: 'state', header: () => t('State'), cell: ({ row }) => <State of="task" state={row.original.state} /> },
  { id: 'agent', header: () => t('Agent'), cell: ({ row }) => row.original.agent ?? row.original.wanted },
  { id: 'priority', header: () => t('Priority'), cell: ({ row }) => `P${row.original.priority}` },
  { id: 'labels', header: () => t('Labels'), cell: ({ row }) => row.original.labels.join(', ') },
  { id: 'changed', header: () => t('Changed'), cell: ({ row }) => <Ago ms={row.original.changed_ms} /> },
]
const SORTS: Record<string, string> = { task: 'created', state: 'state', agent: 'agent', priority: 'priority', changed: 'changed' }
const NARROW = new Set(['task', 'state']) // what a telephone shows

export default function TaskTable({ tasks, chosen, choose, sort, sortBy }: Chosen & { tasks: Task[] }) {
  const table = useTable({
    features,
    columns: COLUMNS,
    data: tasks,
    getRowId: (task) => task.id,
    state: { rowSelection: Object.fromEntries([...chosen].map((id) => [id, true])) },
  })
  const shown = tasks.map((one) => one.id)
  return (
    <div className="octet-wide">
      <Table className="octet-tasks" highlightOnHover>
        <Table.Thead>
          {table.getHeaderGroups().map((group) => (
            <Table.Tr key={group.id}>
              <Table.Th w={36}>
                <Checkbox aria-label={t('Select all')} checked={shown.every((id) => chosen.has(id))} indeterminate={shown.some((id) => chosen.has(id)) && !shown.every((id) => chosen.has(id))} onChange={(event) => choose(shown, event.currentTarget.checked)} />
              </Table.Th>
              {group.headers.map((header) => (
                <Table.Th
                  key={header.id}
                  visibleFrom={NARROW.has(header.id) ? undefined : 'sm'}
                  aria-sort={sort === SORTS[header.id] ? 'ascending' : sort === `-${SORTS[header.id]}` ? 'descending' : undefined}
                >
                  {SORTS[header.id] ? (
                    <UnstyledButton className="octet-sort" onClick={() => sortBy(next(sort, SORTS[header.id] ?? ''))}>
                      <table.FlexRender header={header} /> <span aria-hidden="true">{sort === SORTS[header.id] ? '↑' : sort === `-${SORTS[header.id]}` ? '↓' : '↕'}</span>
                    </UnstyledButton>
                  ) : (
                    <table.FlexRender header={header} />
                  )}
                </Table.Th>
              ))}
            </Table.Tr>
          ))}
        </Table.Thead>
        <Table.Tbody>
          {table.getRowModel().rows.map((row) => (
            <Table.Tr key={row.id} data-selected={row.getIsSelected() || undefined}>
              <Table.Td>
                <Checkbox aria-label={t('Select {id}', { id: row.id })} checked={row.getIsSelected()} onChange={(event) => choose([row.id], event.currentTarget.checked)} />
              </Table.Td>
              {row.getAllCells().map((cell) => (
                <Table.Td key={cell.id} visibleFrom={NARROW.has(cell.column.id) ? undefined : 'sm'}><table.FlexRender cell={cell} /></Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Text size="sm" c="var(--octet-quiet)">{t('{count} shown', { count: tasks.length })}</Text>
    </div>
  )
}

/** Return how a click on a column's name sorts: upwards, downwards, then as before. */
const next = (sort: string, by: string) => (sort === by ? `-${by}` : sort === `-${by}` ? '' : by)
