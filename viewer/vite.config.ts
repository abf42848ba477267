import vue from '@vitejs/plugin-vue'
import { cpSync, createReadStream, existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { defineConfig, type Plugin } from 'vite'

const CESIUM = fileURLToPath(new URL('node_modules/cesium/Build/Cesium', import.meta.url))
const FOLDERS = ['Assets', 'ThirdParty', 'Workers']

// What nothing here can ask for: no sky box, no lens flare, no pins, no water, no Google Earth.
// Assets/IAU2006_XYS stays: the sun's position asks for the file of the current date.
const UNUSED =
  /Textures\/(LensFlare|NaturalEarthII|SkyBox|maki|moonSmall\.jpg|waterNormals)|google-earth-dbroot/

const cesiumStatic: Plugin = {
  name: 'cesium-static',
  closeBundle() {
    for (const folder of FOLDERS)
      cpSync(join(CESIUM, folder), `dist/cesium/${folder}`, {
        recursive: true,
        filter: (path) => !UNUSED.test(path.replaceAll('\\', '/')),
      })
  },
  configureServer(server) {
    server.middlewares.use('/cesium', (request, response, next) => {
      const file = join(CESIUM, decodeURIComponent((request.url ?? '').split('?')[0] ?? ''))
      if (file.startsWith(CESIUM) && existsSync(file) && statSync(file).isFile()) {
        createReadStream(file).pipe(response)
      } else next()
    })
  },
}

export default defineConfig({
  base: './', // served under any prefix
  define: {
    CESIUM_BASE_URL: '"cesium"',
    __VUE_I18N_FULL_INSTALL__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
  },
  plugins: [vue(), cesiumStatic],
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 8000,
    rollupOptions: {
      output: { codeSplitting: { groups: [{ name: 'cesium', test: /node_modules.(@?cesium)/ }] } },
    },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8000', '/tiles': 'http://127.0.0.1:8000' } },
})
