// What an agent shows now: its window as a picture, its pane or its turn as a text; with the age of it.
import { Text } from '@mantine/core'
import { useEffect, useRef, useState, type RefObject } from 'react'
import { t } from './language'
import { Ago } from './parts'
import { watch } from './windows'

type Seen = { atMs: number; why: string; kind: 'nothing' | 'picture' | 'text'; text: string }

const sourceOf = (lane: string) => ({ window: t('its window'), terminal: t('its pane') })[lane] ?? t('its turn')

export default function LiveWindow({ agent, lane, isLarge = false }: { agent: string; lane: string; isLarge?: boolean }) {
  const box = useRef<HTMLElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const isOnScreen = useIsOnScreen(box)
  const [seen, setSeen] = useState<Seen>({ atMs: 0, why: '', kind: 'nothing', text: '' })
  useEffect(() => {
    if (!isOnScreen) return
    let drawn = 0
    return watch(agent, (view, content) => {
      setSeen((before) => ({
        atMs: view.at_ms || before.atMs,
        why: view.why,
        kind: !view.is_new ? before.kind : view.is_picture ? 'picture' : 'text',
        text: view.is_new && !view.is_picture ? new TextDecoder().decode(content) : before.text,
      }))
      if (view.is_new && view.is_picture) {
        const number = ++drawn
        void draw(content, canvas, () => number === drawn)
      }
    })
  }, [agent, isOnScreen])
  return (
    <figure ref={box} className="octet-live" data-large={isLarge || undefined}>
      <canvas ref={canvas} hidden={seen.kind !== 'picture'} role="img" aria-label={t('What {agent} shows', { agent })} width={16} height={9} />
      {seen.kind === 'text' && (
        <pre role="group" tabIndex={0} aria-label={t('What {agent} shows', { agent })}>{seen.text || t('Nothing between turns.')}</pre>
      )}
      {seen.kind === 'nothing' && <div className="octet-live-empty">{!seen.why && t('Loading')}</div>}
      <figcaption>
        {seen.atMs > 0 && <Text span size="sm" c="var(--octet-quiet)">{t('Seen in {source}', { source: sourceOf(lane) })} <Ago ms={seen.atMs} /></Text>}
        {seen.why && <Text size="sm" c="var(--octet-quiet)" role="status">{seen.why}</Text>}
      </figcaption>
    </figure>
  )
}

async function draw(jpeg: Uint8Array<ArrayBuffer>, canvas: RefObject<HTMLCanvasElement | null>, isNewest: () => boolean): Promise<void> {
  const picture = await createImageBitmap(new Blob([jpeg], { type: 'image/jpeg' })).catch(() => null)
  if (!picture) return
  const at = canvas.current
  if (at && isNewest()) {
    if (at.width !== picture.width || at.height !== picture.height) Object.assign(at, { width: picture.width, height: picture.height })
    at.getContext('2d')?.drawImage(picture, 0, 0)
  }
  picture.close()
}

function useIsOnScreen(box: RefObject<HTMLElement | null>): boolean {
  const [is, setIs] = useState(false)
  useEffect(() => {
    if (!box.current) return
    const seen = new IntersectionObserver((found) => setIs(found.some((one) => one.isIntersecting)), { rootMargin: '100px' })
    seen.observe(box.current)
    return () => seen.disconnect()
  }, [box])
  return is
}
