/** The laboratory: see `liuli/lab/server.py`. */

import { mount } from 'svelte'

import { know } from './i18n/own'
import refusals from './i18n/refusals.zh-TW.json'
import './lab/lab.css'
import Lab from './lab/Lab.svelte'

know(refusals)
mount(Lab, { target: document.getElementById('lab')! })
