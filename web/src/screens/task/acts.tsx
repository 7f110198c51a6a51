// What the user can do with a task: the buttons that Discord has, and the verbs that need a form.
import { Group, Stack } from '@mantine/core'
import { useLocation } from 'wouter'
import { callVerb, useMayCall, VerbForm, type Given } from '../../form'
import { t } from '../../language'
import { Act } from '../../parts'
import type { View } from '.'

const ENDED = new Set(['done', 'cancelled', 'failed', 'expired'])
const UNDO_MS = 60_000 // so long Octet can undo a cancel

type Form = { label: string; path: string; isOffered: boolean; start?: Given }

export function Acts({ view }: { view: View }) {
  const [, go] = useLocation()
  const { task } = view
  const may = useMayCall(task.requester)
  const { id, state } = task
  const isEnded = ENDED.has(state)
  const hasNotBegun = state === 'ready' || state === 'waiting'
  const of = (verb: string) => `/api/v2/tasks/{task}/${verb}`
  const call = (verb: string) => callVerb(of(verb), 'post', { task: id })
  const opens = (result: unknown) => (result as { id: string }).id !== id && go(`/tasks/${(result as { id: string }).id}`)
  const forms: Form[] = [
    { label: t('Reply'), path: '/api/v2/messages', isOffered: Boolean(task.agent) && (!isEnded || state === 'done') },
    { label: t('Done'), path: of('done'), isOffered: !isEnded && Boolean(task.agent) },
    { label: t('Assign'), path: of('assign'), isOffered: view.is_assignable },
    { label: t('Edit'), path: of('edit'), isOffered: !isEnded, start: hasNotBegun ? { brief: task.brief } : {} },
    { label: t('Priority'), path: of('priority'), isOffered: !isEnded },
    { label: t('Wait for a task'), path: of('depend'), isOffered: hasNotBegun },
    { label: t('Split'), path: of('split'), isOffered: hasNotBegun && !task.parts },
    { label: t('Wrong'), path: of('wrong'), isOffered: state === 'done' && task.wrong == null },
  ]
  return (
    <Stack gap="xs" component="section" aria-label={t('What you can do')}>
      <Group align="flex-start">
        {!isEnded && may(of('cancel')) && <Act color="red" sure={t('Cancel {id}?', { id })} call={() => call('cancel')}>{task.follow_up ? t('Stop the follow-up') : t('Cancel')}</Act>}
        {state === 'cancelled' && may(of('undo')) && Date.now() - task.changed_ms < UNDO_MS && <Act call={() => call('undo')}>{t('Undo')}</Act>}
        {task.idle_ms != null && may(of('nudge')) && <Act call={() => call('nudge')}>{t('Ask for the answer')}</Act>}
        {((isEnded && state !== 'done') || state === 'parked' || task.idle_ms != null) && may(of('retry')) && <Act call={() => call('retry').then(opens)}>{t('Retry')}</Act>}
        {state === 'done' && may(of('retry')) && <Act call={() => call('retry').then(opens)}>{t('Run again')}</Act>}
        {isEnded && may(of('duplicate')) && <Act call={() => call('duplicate').then(opens)}>{t('Duplicate')}</Act>}
      </Group>
      <div className="octet-forms">
        {forms.filter((one) => one.isOffered && may(one.path)).map(({ label, path, start }) => (
          <details key={label} name="task-form">
            <summary>{label}</summary>
            <VerbForm path={path} fixed={{ task: id }} start={start} label={label} only={path.endsWith('messages') ? MESSAGE : undefined} />
          </details>
        ))}
      </div>
    </Stack>
  )
}

const MESSAGE = ['text', 'attach'] // what a reply says; the rest goes by the task
