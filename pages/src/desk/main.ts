import 'element-plus/theme-chalk/base.css'
import 'element-plus/theme-chalk/el-message.css'
import 'element-plus/theme-chalk/el-message-box.css'
import './desk.css'

import { createApp } from 'vue'

import { i18n } from '@/locales'
import { keepFocus } from '@/shared/focus'
import { complain } from '@/shared/trouble'

import App from './App.vue'
import { router } from './router'

const app = createApp(App)
app.config.errorHandler = (error) => {
  complain(error)
  throw error
}
app.use(i18n).use(router).mount('#app')
keepFocus()
