// Makes a sandbox, uses it, and ends without deleting it: nothing may keep the process alive.
import { Daytona } from '@daytonaio/sdk'

const sandbox = await new Daytona().create({ labels: { suite: process.argv[2] } })
await sandbox.process.executeCommand('true')
