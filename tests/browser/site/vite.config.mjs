// As a new project has it: no host is allowed beyond what Vite allows by itself.
export default { server: { port: 5173, strictPort: true } };
