// What a task waits for, its parts and what it is a part of: as a graph to look at, and as a list.
import { graphlib, layout } from '@dagrejs/dagre'
import { Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { client, resultOf } from '../../api'
import { t } from '../../language'
import { State, To } from '../../parts'
import { colourOf } from '../../words'
import type { View } from '.'

const MOST = 14 // so many tasks the graph shows
const [WIDTH, HEIGHT] = [150, 40]

type Node = { id: string; title: string; state: string }
type Found = { nodes: Map<string, Node>; edges: [string, string][] }

/** Follow the links of a task, breadth first. An arrow goes from what comes first to what waits for it. */
async function walk(view: View): Promise<Found> {
  const found: Found = { nodes: new Map(), edges: [] }
  const waiting = [view.task.id]
  while (waiting.length && found.nodes.size < MOST) {
    const id = waiting.shift() ?? ''
    if (found.nodes.has(id)) continue
    const { task, after, parts } = id === view.task.id ? view : await resultOf(client.GET('/api/v2/tasks/{task}', { params: { path: { task: id } } }))
    found.nodes.set(id, task)
    const first = [...after.map((one) => one.needs), ...parts.map((one) => one.id)]
    first.forEach((one) => found.edges.push([one, id]))
    waiting.push(...first, ...(task.parent ? [task.parent] : []))
  }
  return found
}

export default function Links({ view }: { view: View }) {
  const { task, after, parts } = view
  const links = useQuery({ queryKey: ['links', task.id, task.changed_ms, parts.map((one) => one.state).join()], queryFn: () => walk(view), staleTime: 'static' })
  return (
    <section aria-label={t('Links')}>
      <Title order={2} size="h4" mb="xs">{t('Links')}</Title>
      {links.data && <Graph found={links.data} here={task.id} />}
      <ul>
        {task.parent && <li>{t('Part of')} <To href={`/tasks/${task.parent}`}>{task.parent}</To></li>}
        {after.map((one) => (
          <li key={one.needs}>{t('After')} <To href={`/tasks/${one.needs}`}>{`${one.needs} ${one.title}`}</To> <State of="task" state={one.state} /></li>
        ))}
        {parts.map((one) => (
          <li key={one.id}>{t('Part')} <To href={`/tasks/${one.id}`}>{`${one.id} ${one.title}`}</To> <State of="task" state={one.state} /></li>
        ))}
      </ul>
    </section>
  )
}

function Graph({ found: { nodes, edges }, here }: { found: Found; here: string }) {
  const graph = new graphlib.Graph()
  graph.setGraph({ rankdir: 'LR', nodesep: 12, ranksep: 40, marginx: 4, marginy: 4 })
  graph.setDefaultEdgeLabel(() => ({}))
  nodes.forEach((_, id) => graph.setNode(id, { width: WIDTH, height: HEIGHT }))
  edges.filter((ends) => ends.every((id) => nodes.has(id))).forEach(([first, then]) => graph.setEdge(first, then))
  layout(graph)
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number }
  return (
    <div className="octet-wide">
      <svg className="octet-graph" width={width} height={height} aria-hidden="true">
        {graph.edges().map((edge) => (
          <polyline key={`${edge.v} ${edge.w}`} points={(graph.edge(edge) as { points: { x: number; y: number }[] }).points.map(({ x, y }) => `${x},${y}`).join(' ')} />
        ))}
        {[...nodes.values()].map(({ id, title, state }) => {
          const { x, y } = graph.node(id) as { x: number; y: number }
          return (
            <g key={id} transform={`translate(${x - WIDTH / 2} ${y - HEIGHT / 2})`} data-colour={colourOf('task', state)} data-here={id === here || undefined}>
              <rect width={WIDTH} height={HEIGHT} rx={6} />
              <text x={8} y={16} fontWeight={600}>{id}</text>
              <text x={8} y={32}>{title.length > 21 ? `${title.slice(0, 20)}…` : title}</text>
            </g>
          )
        })}
      </svg>
    </div>
  )
}
