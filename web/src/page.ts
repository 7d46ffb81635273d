/** The page of a file: the record lies in it. */

import { mount } from 'svelte'

import { bytesOf } from './client/pack'
import { FileClient, type FileManifest } from './client/file'
import Page from './Page.svelte'

async function start(): Promise<void> {
  const target = document.getElementById('page')!
  const packed = bytesOf((document.getElementById('manifest') as HTMLTemplateElement).content.textContent!)
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'))
  const manifest = (await new Response(stream).json()) as FileManifest
  mount(Page, { target, props: { client: new FileClient(manifest) } })
}

void start()
