import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'
import { viteSingleFile } from 'vite-plugin-singlefile'

const outDir = '../src/liuli/lab/static'

// `vite build`: one HTML file with script and style inside, which opens from a disk and asks nothing of any network;
// `liuli explain` puts a record into it where `<!-- record -->` stands.
// `vite build --mode widget`: the same page as one module for a notebook.
export default defineConfig(({ mode }) =>
  mode === 'widget'
    ? {
        plugins: [svelte({ compilerOptions: { css: 'injected' } })],
        build: {
          outDir,
          emptyOutDir: false,
          lib: { entry: 'src/widget.ts', formats: ['es'], fileName: () => 'widget.js' },
        },
      }
    : {
        plugins: [svelte(), viteSingleFile()],
        build: { outDir, emptyOutDir: true, rollupOptions: { input: 'page.html' }, reportCompressedSize: false },
      },
)
