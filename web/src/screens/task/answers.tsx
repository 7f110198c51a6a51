// The parts of a task: answers side by side where the user picks one, else a list.
import { Group, Stack, Text, Title } from '@mantine/core'
import { callVerb, useMayCall } from '../../form'
import { t } from '../../language'
import { Act, Nothing, Sign, State, To } from '../../parts'
import type { View } from '.'

const PICK = '/api/v2/tasks/{task}/pick'

export function Parts({ view: { task, parts } }: { view: View }) {
  const may = useMayCall(task.requester)
  if (!parts.length) return null
  const isPicked = parts.some((one) => one.is_chosen)
  const isBestOf = task.parts === 'best_of'
  const canPick = isBestOf && !isPicked && may(PICK) && !['cancelled', 'expired', 'failed', 'done'].includes(task.state)
  return (
    <section aria-label={isBestOf ? t('Answers side by side') : t('Parts')}>
      <Title order={2} size="h4" mb="xs">{isBestOf ? t('Answers side by side') : t('Parts')}</Title>
      <div className={isBestOf ? 'octet-side-by-side' : 'octet-rows'}>
        {parts.map((part) => (
          <Stack gap={6} className="octet-row" key={part.id} component="article" aria-label={part.id}>
            <Group gap="xs">
              <To href={`/tasks/${part.id}`}>{isBestOf ? part.id : `${part.id} ${part.title}`}</To>
              <State of="task" state={part.state} />
              {part.agent && <Text size="sm">{part.agent}</Text>}
              {part.is_chosen && <Sign colour="green">{t('picked')}</Sign>}
            </Group>
            {part.answer ? <pre className="octet-text">{part.answer}</pre> : isBestOf && <Nothing>{t('No answer yet.')}</Nothing>}
            {canPick && part.state === 'done' && (
              <Act variant="filled" call={() => callVerb(PICK, 'post', { task: part.id })}>{t('Pick {id}', { id: part.id })}</Act>
            )}
          </Stack>
        ))}
      </div>
    </section>
  )
}
