/** The page as a widget of a notebook: see `liuli/lab/notebook.py`. */

import { mount, unmount } from 'svelte'

import { NotebookClient, type Model } from './client/notebook'
import { know } from './i18n/own'
import refusals from './i18n/refusals.zh-TW.json'
import Page from './Page.svelte'

know(refusals)

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const page = mount(Page, { target: el, props: { client: NotebookClient.open(model) } })
  return () => void unmount(page)
}

export default { render }
