/** Opens the city and lays the shell over it. */
import 'element-plus/theme-chalk/base.css'
import 'element-plus/theme-chalk/dark/css-vars.css'
import 'element-plus/theme-chalk/el-checkbox.css'
import 'element-plus/theme-chalk/el-date-picker.css'
import 'element-plus/theme-chalk/el-input.css'
import 'element-plus/theme-chalk/el-input-number.css'
import 'element-plus/theme-chalk/el-select.css'
import 'element-plus/theme-chalk/el-option.css'
import 'element-plus/theme-chalk/el-popper.css'
import 'element-plus/theme-chalk/el-scrollbar.css'
import 'element-plus/theme-chalk/el-tag.css'
import 'element-plus/theme-chalk/el-slider.css'
import 'element-plus/theme-chalk/el-switch.css'
import { createApp } from 'vue'
import { publish } from './core/automation'
import { CityScene } from './core/scene'
import { decode } from './core/share'
import App from './ui/App.vue'
import { i18n, lang, setLang } from './ui/language'
import { adopt, state } from './ui/store'
import './ui/theme.css'
import { explain } from './ui/trouble'

const page = document.documentElement
const quality = new URLSearchParams(location.search).get('quality') === 'low' ? 'low' : 'high'
page.dataset.quality = quality
setLang(decode(location.hash).lang)
createApp(App).use(i18n).mount('#app')

async function start(): Promise<void> {
  const scene = await CityScene.open(document.getElementById('globe')!, quality)
  adopt(scene)
  publish(scene, lang)
  window.addEventListener('hashchange', () => {
    const shared = decode(location.hash)
    setLang(shared.lang)
    void scene.restore(shared)
  })
  page.dataset.ready = '1'
}

start().catch((error: unknown) => {
  const { title, detail, remedy } = explain(error)
  state.failure = [title, detail, remedy].filter(Boolean).join(' — ')
})
