import './citizen.css'

import { createApp } from 'vue'

import { keepFocus } from '@/shared/focus'
import { makeTexts } from '@/shared/language'

import App from './App.vue'
import en from './texts/en'
import zh from './texts/zh'

createApp(App).use(makeTexts(zh, en)).mount('#app')
keepFocus()
