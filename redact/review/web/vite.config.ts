import { defineConfig } from "vite";

// One script and one style sheet of fixed names: the pages name them, and nothing is loaded from elsewhere.
export default defineConfig({
  base: "/static/",
  build: {
    outDir: "../static",
    emptyOutDir: true,
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    rollupOptions: {
      input: "src/main.ts",
      output: { entryFileNames: "main.js", assetFileNames: "main[extname]", inlineDynamicImports: true },
    },
  },
});
