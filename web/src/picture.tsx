// Pictures and files, which only a request with this log-in's two secrets gets.
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState, type MouseEvent } from 'react'
import { request, type Schemas } from './api'
import { t } from './language'
import { Act, Shown } from './parts'

type Click = (x: number, y: number) => void

/** A picture that Octet has; `of` tells apart what the same request finds at other times. `click` gets the place under the pointer, as parts of the picture's width and height. */
export function Picture({ call, alt, of, click }: { call: string; alt: string; of?: number; click?: Click }) {
  const query = useQuery({ queryKey: ['picture', call, of], staleTime: 'static', gcTime: 0, queryFn: () => request(call) as Promise<Blob> })
  return <Shown query={query}>{(found) => <Drawn picture={found} alt={alt} click={click} />}</Shown>
}

export function Drawn({ picture, alt, click }: { picture: Blob; alt: string; click?: Click }) {
  const [address, setAddress] = useState('')
  useEffect(() => {
    const made = URL.createObjectURL(picture)
    setAddress(made)
    return () => URL.revokeObjectURL(made)
  }, [picture])
  const take = ({ nativeEvent: { offsetX, offsetY }, currentTarget: { clientWidth, clientHeight } }: MouseEvent) => click?.(offsetX / clientWidth, offsetY / clientHeight)
  return address && <img className="octet-window" src={address} alt={alt} onClick={take} />
}

/** The files of a task or a message, `of` such as `/tasks/T-1`: each a button that saves it. */
export function Files({ of, files }: { of: string; files: Schemas['StoredFile'][] }) {
  return files.map(({ path, size }, number) => {
    const name = path.split(/[\\/]/).at(-1) ?? path
    return (
      <Act key={path} variant="subtle" call={() => save(`GET ${of}/files/${number}`, name)}>
        {t('{name}, {size} KB', { name, size: Math.ceil(size / 1000) })}
      </Act>
    )
  })
}

async function save(call: string, name: string): Promise<void> {
  const address = URL.createObjectURL((await request(call)) as Blob)
  Object.assign(document.createElement('a'), { href: address, download: name }).click()
  window.setTimeout(() => URL.revokeObjectURL(address), 60_000)
}
