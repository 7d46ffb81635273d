/** The laboratory: see `liuli/lab/server.py`. */

import { mount } from 'svelte'

import './lab/lab.css'
import Lab from './lab/Lab.svelte'

mount(Lab, { target: document.getElementById('lab')! })
