import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'
import { viteSingleFile } from 'vite-plugin-singlefile'

const outDir = '../src/liuli/lab/static'

// `vite build`: one HTML file with script and style inside, which opens from a disk and asks nothing of any network;
// `liuli explain` puts a record into it where `<!-- record -->` stands.
// `vite build --mode widget`: the same page as one module for a notebook.
// `vite build --mode lab`: the laboratory, whose files `liuli lab` serves.
export default defineConfig(({ mode }) => {
  if (mode === 'widget') {
    return {
      plugins: [svelte({ compilerOptions: { css: 'injected' } })],
      build: {
        outDir,
        emptyOutDir: false,
        lib: { entry: 'src/widget.ts', formats: ['es'], fileName: () => 'widget.js' },
      },
    }
  }
  const lab = mode === 'lab'
  return {
    plugins: lab ? [svelte()] : [svelte(), viteSingleFile()],
    build: {
      outDir,
      emptyOutDir: !lab,
      rollupOptions: { input: lab ? 'lab.html' : 'page.html' },
      reportCompressedSize: lab,
    },
  }
})
