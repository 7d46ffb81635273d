/** Light or dark: as the reader chose, or as the system has it. */

export type Theme = 'auto' | 'light' | 'dark'
export const THEMES: Theme[] = ['auto', 'light', 'dark']

class Light {
  theme: Theme = $state('auto')
  private systemDark = $state(false)
  readonly dark = $derived(this.theme === 'auto' ? this.systemDark : this.theme === 'dark')

  constructor() {
    const system = matchMedia('(prefers-color-scheme: dark)')
    this.systemDark = system.matches
    system.addEventListener('change', () => (this.systemDark = system.matches))
  }
}

export const light = new Light()
