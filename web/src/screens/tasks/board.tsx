// The board: a column for each state.
import { Checkbox, Group, Text, Title } from '@mantine/core'
import { useState } from 'react'
import { t } from '../../language'
import { Ago, Sign, To } from '../../parts'
import { colourOf, statesOf, wordOf } from '../../words'
import type { Chosen, Task } from '.'

const RETRIED = new Set(['failed', 'expired', 'cancelled', 'parked'])
const ENDED = new Set(['done', 'failed', 'expired', 'cancelled'])

/** Return the verb that does what a drag to the column of these states says; none for most. */
function verbOf(task: Task, states: string[]): 'cancel' | 'retry' | undefined {
  if (states.includes('cancelled') && !ENDED.has(task.state)) return 'cancel'
  return states.includes('ready') && RETRIED.has(task.state) ? 'retry' : undefined
}

const ALWAYS = new Set(['ready', 'working', 'blocked', 'done', 'cancelled']) // columns that are there without tasks, too

/** Return the columns: states with the same word share one. */
export function columnsOf(tasks: Task[]): { word: string; states: string[]; tasks: Task[] }[] {
  const words = [...new Set(statesOf('task').map((one) => wordOf('task', one)))]
  return words
    .map((word) => ({ word, states: statesOf('task').filter((one) => wordOf('task', one) === word), tasks: tasks.filter((one) => wordOf('task', one.state) === word) }))
    .filter((one) => one.tasks.length || one.states.some((state) => ALWAYS.has(state)))
}

export default function Board({ tasks, chosen, choose, propose }: Chosen & { tasks: Task[] }) {
  const [dragged, setDragged] = useState<Task>()
  return (
    <div className="octet-wide" tabIndex={0} role="region" aria-label={t('Board')}>
      <div className="octet-board">
        {columnsOf(tasks).map((column) => {
          const verb = dragged && verbOf(dragged, column.states)
          return (
            <section
              key={column.word}
              aria-label={column.word}
              data-takes={verb}
              onDragOver={(event) => verb && event.preventDefault()}
              onDrop={() => dragged && verb && propose(dragged.id, verb)}
            >
              <Group gap="xs" mb={6} wrap="nowrap">
                <Title order={2} size="h6">{column.word}</Title>
                <Sign colour={colourOf('task', column.states[0] ?? '')}>{column.tasks.length}</Sign>
              </Group>
              {column.tasks.map((task) => (
                <div className="octet-row" key={task.id} draggable onDragStart={() => setDragged(task)} onDragEnd={() => setDragged(undefined)}>
                  <Group gap="xs" wrap="nowrap" align="flex-start">
                    <Checkbox size="xs" aria-label={t('Select {id}', { id: task.id })} checked={chosen.has(task.id)} onChange={(event) => choose([task.id], event.currentTarget.checked)} />
                    <To href={`/tasks/${task.id}`}>{`${task.id} ${task.title}`}</To>
                  </Group>
                  <Group gap="xs" justify="space-between">
                    <Text size="sm" c="var(--octet-quiet)">{task.agent ?? task.wanted ?? ''} P{task.priority}</Text>
                    <Ago ms={task.changed_ms} />
                  </Group>
                </div>
              ))}
            </section>
          )
        })}
      </div>
    </div>
  )
}
