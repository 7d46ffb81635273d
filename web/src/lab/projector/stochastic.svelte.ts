/** t-SNE as the server computes it: how far it is, and what has come of it. */

import { clouds, type Progress } from './api'

/** (N, 2) or (N, 3) as (N, 3). */
function inSpace(points: Float32Array, dimensions: number): Float32Array {
  if (dimensions === 3) return points
  const found = new Float32Array((points.length / dimensions) * 3)
  for (let i = 0; i < points.length; i++) found[Math.floor(i / dimensions) * 3 + (i % dimensions)] = points[i]!
  return found
}

export class Stochastic {
  maps: Record<number, Float32Array> = $state.raw({})
  progress: Progress | null = $state.raw(null)
  problem = $state('')
  private events: EventSource | null = null

  constructor(
    private readonly run: string,
    private readonly key: string,
  ) {}

  /** Compute the map in so many dimensions, unless it is at hand. */
  want(dimensions: number): void {
    this.cancel()
    this.problem = ''
    this.progress = null
    if (this.maps[dimensions]) return
    const events = clouds.events(this.run, this.key, dimensions)
    this.events = events
    events.addEventListener('progress', (event) => (this.progress = JSON.parse(event.data) as Progress))
    events.addEventListener('trouble', (event) => this.fail((JSON.parse(event.data) as { error: string }).error))
    events.addEventListener('error', () => this.fail(''))
    events.addEventListener('done', () => {
      events.close()
      clouds.tsne(this.run, this.key, dimensions).then(
        (points) => (this.maps = { ...this.maps, [dimensions]: inSpace(points, dimensions) }),
        (error: Error) => this.fail(error.message),
      )
    })
  }

  /** Listen no longer; the server then stops computing. */
  cancel(): void {
    this.events?.close()
    this.events = null
  }

  private fail(problem: string): void {
    this.cancel()
    this.problem = problem || ' '
  }
}
