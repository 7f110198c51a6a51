// Pictures and files, which only a request with this log-in's two secrets gets.
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { request, type Schemas } from './api'
import { t } from './language'
import { Act, Shown } from './parts'

/** A picture that Octet has; `of` tells apart what the same request finds at other times. */
export function Picture({ call, alt, of }: { call: string; alt: string; of?: number }) {
  const query = useQuery({ queryKey: ['picture', call, of], staleTime: 'static', gcTime: 0, queryFn: () => request(call) as Promise<Blob> })
  return <Shown query={query}>{(found) => <Drawn picture={found} alt={alt} />}</Shown>
}

export function Drawn({ picture, alt }: { picture: Blob; alt: string }) {
  const [address, setAddress] = useState('')
  useEffect(() => {
    const made = URL.createObjectURL(picture)
    setAddress(made)
    return () => URL.revokeObjectURL(made)
  }, [picture])
  return address && <img className="octet-window" src={address} alt={alt} />
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
