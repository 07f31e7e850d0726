// The official JavaScript SDK against the server of CONDUCTOR_SERVER_URL: definitions, a worker,
// workflows executed and started, schedules. Prints what it saw as one line of JSON.
import {
  ConductorWorkflow,
  OrkesClients,
  TaskHandler,
  simpleTask,
  switchTask,
} from "@io-orkes/conductor-javascript";

const quiet = { info() {}, debug() {}, warn() {}, error: console.error };
const clients = await OrkesClients.from();
const workflows = clients.getWorkflowClient();
const metadata = clients.getMetadataClient();
const schedules = clients.getSchedulerClient();

const definition = new ConductorWorkflow(workflows, "js_greetings")
  .add(simpleTask("greet_ref", "js_greet", { name: "${workflow.input.name}" }))
  .add(
    switchTask("loud_ref", "${workflow.input.tone}", {
      loud: [simpleTask("shout_ref", "js_greet", { name: "${greet_ref.output.result}!" })],
    }),
  )
  .outputParameters({ result: "${greet_ref.output.result}" });
await definition.register(true);

const handler = new TaskHandler({
  client: clients.getClient(),
  logger: quiet,
  scanForDecorated: false,
  workers: [
    {
      taskDefName: "js_greet",
      pollInterval: 20,
      concurrency: 2,
      execute: async (task) => ({
        status: "COMPLETED",
        outputData: { result: `Hello ${task.inputData.name}` },
      }),
    },
  ],
});
await handler.startWorkers();

const run = await definition.execute({ name: "Ann", tone: "calm" });
const id = await workflows.startWorkflow({
  name: "js_greetings",
  version: 1,
  input: { name: "Bob", tone: "loud" },
});
let found;
do {
  await new Promise((resolve) => setTimeout(resolve, 20));
  found = await workflows.getWorkflow(id, true);
} while (found.status === "RUNNING");

const schedule = { name: "js_daily", cronExpression: "0 0 3 * * *" };
await schedules.saveSchedule({ ...schedule, startWorkflowRequest: { name: "js_greetings" } });
const saved = await schedules.getSchedule("js_daily");
await schedules.deleteSchedule("js_daily");
await handler.stopWorkers();

console.log(
  JSON.stringify({
    executed: [run.status, run.output],
    started: [found.status, found.tasks.map((task) => [task.referenceTaskName, task.status])],
    definition: (await metadata.getWorkflowDef("js_greetings")).name,
    schedule: [saved.name, saved.cronExpression],
  }),
);
process.exit(0);
