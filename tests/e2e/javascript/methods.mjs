// Every method of the official JavaScript SDK's clients against the server of CONDUCTOR_SERVER_URL.
// Prints {failed: {method: why}, forgotten: [method], called: number} as one line of JSON.
import assert from "node:assert/strict";
import { OrkesClients } from "@io-orkes/conductor-javascript";

const clients = await OrkesClients.from();
const metadata = clients.getMetadataClient();
const workflows = clients.getWorkflowClient();
const tasks = clients.getTaskClient();
const schedules = clients.getSchedulerClient();
const schemas = clients.getSchemaClient();
const events = clients.getEventClient();
const secrets = clients.getSecretClient();

let serial = 0;
const mark = `${process.pid}_${Date.now().toString(36)}`;
const fresh = (what) => `js_${what}_${mark}_${++serial}`;
const tag = (key, value) => ({ key, value });
const keys = (found) => found.map((each) => each.key).sort();

async function define(refs = ["a"], type = "SIMPLE", more = {}) {
  const name = fresh("w");
  await metadata.registerTask({ name, retryCount: 0, timeoutSeconds: 0 });
  await metadata.registerWorkflowDef({
    name,
    version: 1,
    timeoutSeconds: 0,
    tasks: refs.map((ref) => ({ name, taskReferenceName: ref, type, ...more })),
  });
  return name;
}
const start = async (refs, type, more) =>
  workflows.startWorkflow({ name: await define(refs, type), version: 1, input: { x: 1 }, ...more });
const rows = async (id) =>
  (await workflows.getWorkflow(id, true)).tasks.map((t) => `${t.referenceTaskName} ${t.status}`);
const first = async (id) => (await workflows.getWorkflow(id, true)).tasks[0].taskId;
const statusOf = async (id) => (await workflows.getWorkflow(id, false)).status;

async function until(probe) {
  for (let tries = 0; tries < 500; tries++) {
    if (await probe()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail("never came");
}

async function ended(refs, status = "COMPLETED") {
  const id = await start(refs);
  for (const ref of refs) await tasks.updateTaskResult(id, ref, status, { by: "hand" });
  return id;
}

async function scheduled(more = {}) {
  const [name, workflow] = [fresh("s"), await define()];
  const cronExpression = "0 0 0 1 1 ?";
  const startWorkflowRequest = { name: workflow, version: 1 };
  await schedules.saveSchedule({ name, cronExpression, startWorkflowRequest, ...more });
  return [name, workflow];
}

async function handler(event = fresh("e")) {
  const name = fresh("h");
  const action = { action: "start_workflow", start_workflow: { name: await define() } };
  await events.addEventHandler({ name, event: `nats:${event}`, actions: [action], active: true });
  return [name, `nats:${event}`];
}

const refused = async (call) =>
  assert.rejects(call, (error) => /is not offered by this server/.test(told(error)));
const told = (error) => `${error} ${error.cause ?? ""} ${JSON.stringify(error)}`;
const missing = async (call) => assert.rejects(call);

const checks = {
  WorkflowExecutor: [workflows, {
    async registerWorkflow() {
      const name = fresh("w");
      const one = { name: "t", taskReferenceName: "a", type: "SIMPLE" };
      await workflows.registerWorkflow(true, { name, version: 1, timeoutSeconds: 0, tasks: [one] });
      assert.equal((await metadata.getWorkflowDef(name)).name, name);
    },
    async startWorkflow() {
      assert.deepEqual(await rows(await start(["a", "b"])), ["a SCHEDULED"]);
    },
    async executeWorkflow() {
      const name = await define(["a"], "WAIT");
      const asked = { name, version: 1, input: {} };
      const run = await workflows.executeWorkflow(asked, name, 1, fresh("r"), "a", 10, "DURABLE", "BLOCKING_TASK");
      assert.equal(run.referenceTaskName, "a");
      const set = await define(["a"], "SET_VARIABLE", { inputParameters: { v: 1 } });
      const done = await workflows.executeWorkflow({ name: set, version: 1 }, set, 1, fresh("r"));
      assert.equal(done.status, "COMPLETED");
    },
    async startWorkflows() {
      const name = await define();
      const made = await Promise.all(workflows.startWorkflows([{ name, version: 1 }, { name, version: 1 }]));
      assert.equal(new Set(made).size, 2);
    },
    async startWorkflowByName() {
      const id = await workflows.startWorkflowByName(await define(), { y: 2 }, 1, "c", 3);
      const found = await workflows.getWorkflow(id, false);
      assert.deepEqual([found.input.y, found.correlationId, found.priority], [2, "c", 3]);
    },
    async goBackToTask() {
      const id = await ended(["a", "b"]);
      await workflows.goBackToTask(id, (task) => task.referenceTaskName === "a");
      assert.deepEqual(await rows(id), ["a SCHEDULED"]);
    },
    async goBackToFirstTaskMatchingType() {
      const id = await ended(["a", "b"]);
      await workflows.goBackToFirstTaskMatchingType(id, (await workflows.getWorkflow(id, true)).tasks[0].taskType);
      assert.equal(await statusOf(id), "RUNNING");
    },
    async getWorkflow() {
      const id = await start();
      assert.equal((await workflows.getWorkflow(id, true)).workflowId, id);
      await missing(() => workflows.getWorkflow(fresh("nobody"), true, 0));
    },
    async getWorkflowStatus() {
      const found = await workflows.getWorkflowStatus(await start(), true, true);
      assert.deepEqual([found.status, found.output, found.variables], ["RUNNING", {}, {}]);
    },
    async getExecution() {
      assert.equal((await workflows.getExecution(await start())).tasks.length, 1);
    },
    async pause() {
      const id = await start();
      await workflows.pause(id);
      assert.equal(await statusOf(id), "PAUSED");
    },
    async resume() {
      const id = await start();
      await workflows.pause(id);
      await workflows.resume(id);
      assert.equal(await statusOf(id), "RUNNING");
    },
    async reRun() {
      const id = await ended(["a", "b"]);
      await workflows.reRun(id, { reRunFromTaskId: await first(id) });
      assert.deepEqual(await rows(id), ["a SCHEDULED"]);
    },
    async restart() {
      const id = await ended(["a"]);
      await workflows.restart(id, true);
      assert.deepEqual(await rows(id), ["a SCHEDULED"]);
    },
    async retry() {
      const id = await ended(["a"], "FAILED");
      await workflows.retry(id, false);
      assert.deepEqual((await rows(id)).at(-1), "a SCHEDULED");
    },
    async search() {
      const id = await start();
      await until(async () => {
        const page = await workflows.search(0, 5, `workflowId = "${id}"`, "*", "startTime:DESC");
        return page.totalHits === 1 && page.results[0].workflowId === id;
      });
    },
    async skipTasksFromWorkflow() {
      const id = await start(["a", "b", "c"]);
      await workflows.skipTasksFromWorkflow(id, "b", { taskOutput: { skipped: true } });
      await tasks.updateTaskResult(id, "a", "COMPLETED", {});
      assert.deepEqual((await rows(id)).sort(), ["a COMPLETED", "b SKIPPED", "c SCHEDULED"]);
    },
    async terminate() {
      const id = await start();
      await workflows.terminate(id, "enough");
      assert.equal((await workflows.getWorkflow(id, false)).reasonForIncompletion, "enough");
    },
    async updateTask() {
      const id = await start();
      await workflows.updateTask(await first(id), id, "COMPLETED", { x: 1 });
      assert.deepEqual(await rows(id), ["a COMPLETED"]);
    },
    async updateTaskByRefName() {
      const id = await start();
      await workflows.updateTaskByRefName("a", id, "COMPLETED", { x: 1 });
      assert.deepEqual(await rows(id), ["a COMPLETED"]);
    },
    async getTask() {
      const task = await first(await start());
      assert.equal((await workflows.getTask(task)).taskId, task);
    },
    async updateTaskSync() {
      const seen = await workflows.updateTaskSync("a", await start(), "COMPLETED", { x: 1 }, "w");
      assert.deepEqual(seen.tasks[0].outputData, { taskOutput: { x: 1 } }); // as the SDK sends it
    },
    async signal() {
      const id = await start(["a", "b"], "WAIT");
      const seen = await workflows.signal(id, "COMPLETED", { x: 1 }, "BLOCKING_TASK");
      assert.equal(seen.referenceTaskName, "b");
    },
    async signalAsync() {
      const id = await start(["a"], "WAIT");
      await workflows.signalAsync(id, "COMPLETED", { x: 1 });
      assert.equal(await statusOf(id), "COMPLETED");
    },
    async deleteWorkflow() {
      const id = await ended(["a"]);
      await workflows.deleteWorkflow(id, false);
      await missing(() => workflows.getWorkflow(id, true, 0));
    },
    async getByCorrelationIds() {
      const [name, key] = [await define(), fresh("key")];
      const id = await workflows.startWorkflow({ name, version: 1, correlationId: key });
      const found = await workflows.getByCorrelationIds({ workflowNames: [name], correlationIds: [key] }, true, true);
      assert.deepEqual(found[key].map((each) => each.workflowId), [id]);
    },
    async testWorkflow() {
      const mocked = { a: [{ status: "COMPLETED", output: { n: 1 } }] };
      const played = await workflows.testWorkflow({ name: await define(), version: 1, taskRefToMockOutput: mocked });
      assert.equal(played.status, "COMPLETED");
    },
    async updateVariables() {
      const id = await start();
      await workflows.updateVariables(id, { v: 1 });
      assert.deepEqual((await workflows.getWorkflow(id, false)).variables, { v: 1 });
    },
    async updateState() {
      const id = await start(["a", "b"]);
      const taskResult = { workflowInstanceId: id, taskId: await first(id), status: "COMPLETED" };
      const update = { taskReferenceName: "a", taskResult, variables: { v: 1 } };
      await workflows.updateState(id, update, fresh("r"), "b", 5);
      assert.deepEqual(await rows(id), ["a COMPLETED", "b SCHEDULED"]);
    },
  }],
  TaskClient: [tasks, {
    async search() {
      const id = await start();
      await until(async () => {
        const page = await tasks.search(0, 5, undefined, "*", `workflowId = "${id}"`);
        return page.totalHits === 1 && page.results[0].workflowId === id;
      });
    },
    async getTask() {
      const task = await first(await start());
      assert.equal((await tasks.getTask(task)).status, "SCHEDULED");
    },
    async updateTaskResult() {
      assert.deepEqual(await rows(await ended(["a"], "FAILED_WITH_TERMINAL_ERROR")), ["a FAILED_WITH_TERMINAL_ERROR"]);
    },
    async addTaskLog() {
      const task = await first(await start());
      await tasks.addTaskLog(task, "one line");
      assert.match((await tasks.getTaskLogs(task))[0].log, /one line/);
    },
    async getTaskLogs() {
      assert.deepEqual((await tasks.getTaskLogs(await first(await start()))) ?? [], []);
    },
    async getQueueSizeForTask() {
      const name = await define();
      await workflows.startWorkflow({ name, version: 1 });
      await until(async () => (await tasks.getQueueSizeForTask([name]))[name] === 1);
    },
    async getTaskPollData() {
      assert.deepEqual(await tasks.getTaskPollData(fresh("nobody")), []);
    },
    async updateTaskSync() {
      const seen = await tasks.updateTaskSync(await start(), "a", "COMPLETED", { x: 1 }, "w");
      assert.equal(seen.status, "COMPLETED");
    },
  }],
};
export { assert, checks, clients, define, events, fresh, handler, keys, metadata, missing, refused };
export { rows, scheduled, schedules, schemas, secrets, start, tag, told, until, workflows };
