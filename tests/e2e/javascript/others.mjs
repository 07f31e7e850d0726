// The clients of definitions, schedules, schemas, events and secrets (see methods.mjs).
import { assert, checks, clients, define, events, fresh, handler, keys, metadata } from "./methods.mjs";
import { missing, refused, rows, scheduled, schedules, schemas, secrets, tag, told, until } from "./methods.mjs";
import { workflows } from "./methods.mjs";

const all = (found, name) => found.filter((each) => each.name === name).length;
const schema = async () => {
  const name = fresh("schema");
  await schemas.registerSchema([{ name, version: 1, type: "JSON", data: { type: "object" } }]);
  return name;
};
const tags = [tag("team", "a"), tag("on", "b")];

checks.MetadataClient = [metadata, {
  async registerTask() {
    assert.equal((await metadata.getTask(await define())).retryCount, 0);
  },
  async registerTasks() {
    const names = [fresh("t"), fresh("t")];
    await metadata.registerTasks(names.map((name) => ({ name, retryCount: 1 })));
    assert.equal((await metadata.getTask(names[1])).retryCount, 1);
  },
  async unregisterTask() {
    const name = await define();
    await metadata.unregisterTask(name);
    await missing(() => metadata.getTask(name));
  },
  async updateTask() {
    const name = await define();
    await metadata.updateTask({ name, retryCount: 7 });
    assert.equal((await metadata.getTask(name)).retryCount, 7);
  },
  async getTask() {
    await missing(() => metadata.getTask(fresh("nobody")));
  },
  async registerWorkflowDef() {
    const name = await define();
    const again = await metadata.getWorkflowDef(name, 1);
    await missing(() => metadata.registerWorkflowDef(again, false));
    await metadata.registerWorkflowDef(again, true);
  },
  async getWorkflowDef() {
    assert.equal((await metadata.getWorkflowDef(await define())).version, 1);
    await missing(() => metadata.getWorkflowDef(fresh("nobody")));
  },
  async unregisterWorkflow() {
    const name = await define();
    await metadata.unregisterWorkflow(name, 1);
    await missing(() => metadata.getWorkflowDef(name));
  },
  async getAllTaskDefs() {
    const name = await define();
    assert.equal(all(await metadata.getAllTaskDefs(), name), 1);
  },
  async getAllWorkflowDefs() {
    const name = await define();
    assert.equal(all(await metadata.getAllWorkflowDefs(), name), 1);
  },
  async addWorkflowTag() {
    const name = await define();
    await metadata.addWorkflowTag(tags[0], name);
    assert.deepEqual(keys(await metadata.getWorkflowTags(name)), ["team"]);
  },
  async deleteWorkflowTag() {
    const name = await define();
    await metadata.setWorkflowTags(tags, name);
    await metadata.deleteWorkflowTag(tags[0], name);
    assert.deepEqual(keys(await metadata.getWorkflowTags(name)), ["on"]);
  },
  async getWorkflowTags() {
    assert.deepEqual(await metadata.getWorkflowTags(await define()), []);
  },
  async setWorkflowTags() {
    const name = await define();
    await metadata.setWorkflowTags(tags, name);
    assert.deepEqual(keys(await metadata.getWorkflowTags(name)), ["on", "team"]);
  },
  async addTaskTag() {
    const name = await define();
    await metadata.addTaskTag(tags[0], name);
    assert.deepEqual(keys(await metadata.getTaskTags(name)), ["team"]);
  },
  async deleteTaskTag() {
    const name = await define();
    await metadata.setTaskTags(tags, name);
    await metadata.deleteTaskTag(tags[0], name);
    assert.deepEqual(keys(await metadata.getTaskTags(name)), ["on"]);
  },
  async getTaskTags() {
    assert.deepEqual(await metadata.getTaskTags(await define()), []);
  },
  async setTaskTags() {
    const name = await define();
    await metadata.setTaskTags(tags, name);
    assert.deepEqual(keys(await metadata.getTaskTags(name)), ["on", "team"]);
  },
  async setWorkflowRateLimit() {
    const [name, limit] = [await define(), { rateLimitKey: "k", concurrentExecLimit: 2 }];
    await metadata.setWorkflowRateLimit(limit, name);
    assert.equal((await metadata.getWorkflowRateLimit(name)).concurrentExecLimit, 2);
  },
  async getWorkflowRateLimit() {
    assert.equal((await metadata.getWorkflowRateLimit(await define()))?.concurrentExecLimit, undefined);
  },
  async removeWorkflowRateLimit() {
    const name = await define();
    await metadata.setWorkflowRateLimit({ rateLimitKey: "k", concurrentExecLimit: 2 }, name);
    await metadata.removeWorkflowRateLimit(name);
    assert.equal((await metadata.getWorkflowRateLimit(name))?.concurrentExecLimit, undefined);
  },
}];

checks.SchedulerClient = [schedules, {
  async saveSchedule() {
    const [name, workflow] = await scheduled({ paused: true });
    const found = await schedules.getSchedule(name);
    assert.deepEqual([found.startWorkflowRequest.name, found.paused], [workflow, true]);
  },
  async getSchedule() {
    await missing(() => schedules.getSchedule(fresh("nobody")));
  },
  async pauseSchedule() {
    const [name] = await scheduled();
    await schedules.pauseSchedule(name, "why");
    assert.equal((await schedules.getSchedule(name)).paused, true);
  },
  async resumeSchedule() {
    const [name] = await scheduled({ paused: true });
    await schedules.resumeSchedule(name);
    assert.equal((await schedules.getSchedule(name)).paused, false);
  },
  async deleteSchedule() {
    const [name] = await scheduled();
    await schedules.deleteSchedule(name);
    await missing(() => schedules.getSchedule(name));
  },
  async getAllSchedules() {
    const [name, workflow] = await scheduled();
    assert.deepEqual((await schedules.getAllSchedules(workflow)).map((each) => each.name), [name]);
  },
  async getNextFewSchedules() {
    assert.equal((await schedules.getNextFewSchedules("* * * * * ?", undefined, undefined, 3)).length, 3);
  },
  async search() {
    const [name] = await scheduled({ cronExpression: "* * * * * ?" });
    const ran = async () =>
      (await schedules.search(0, 10, "", "*", `scheduleName IN (${name})`)).results.length > 0;
    await until(ran);
    await schedules.deleteSchedule(name);
  },
  async pauseAllSchedules() {
    await schedules.pauseAllSchedules();
    await schedules.resumeAllSchedules();
  },
  async resumeAllSchedules() {
    await schedules.resumeAllSchedules();
  },
  async requeueAllExecutionRecords() {
    await schedules.requeueAllExecutionRecords();
  },
  async setSchedulerTags() {
    const [name] = await scheduled();
    await schedules.setSchedulerTags(tags, name);
    assert.deepEqual(keys(await schedules.getSchedulerTags(name)), ["on", "team"]);
  },
  async getSchedulerTags() {
    assert.deepEqual(await schedules.getSchedulerTags((await scheduled())[0]), []);
  },
  async deleteSchedulerTags() {
    const [name] = await scheduled();
    await schedules.setSchedulerTags(tags, name);
    await schedules.deleteSchedulerTags([tags[0]], name);
    assert.deepEqual(keys(await schedules.getSchedulerTags(name)), ["on"]);
  },
  async save() {
    const workflow = await define();
    await schedules.save({ name: "s", cron: "0 0 0 1 1 ?" }, workflow);
    assert.equal((await schedules.listForAgent(workflow)).length, 1);
  },
  async get() {
    const [name, workflow] = await scheduled();
    assert.equal((await schedules.get(name, workflow)).name, name);
  },
  async listForAgent() {
    const [name, workflow] = await scheduled();
    assert.deepEqual((await schedules.listForAgent(workflow)).map((each) => each.name), [name]);
  },
  async pause() {
    const [name] = await scheduled();
    await schedules.pause(name, "why");
    assert.equal((await schedules.getSchedule(name)).paused, true);
  },
  async resume() {
    const [name] = await scheduled({ paused: true });
    await schedules.resume(name);
    assert.equal((await schedules.getSchedule(name)).paused, false);
  },
  async delete() {
    const [name] = await scheduled();
    await schedules.delete(name);
    await missing(() => schedules.getSchedule(name));
  },
  async runNow() {
    const [name, workflow] = await scheduled();
    const id = await schedules.runNow(await schedules.get(name, workflow));
    assert.deepEqual(await rows(id), ["a SCHEDULED"]);
  },
  async previewNext() {
    assert.equal((await schedules.previewNext("* * * * * ?", { n: 4 })).length, 4);
  },
  async reconcile() {
    const workflow = await define();
    await schedules.reconcile(workflow, [{ name: "s", cron: "0 0 0 1 1 ?" }]);
    assert.equal((await schedules.getAllSchedules(workflow)).length, 1);
    await schedules.reconcile(workflow, []);
    assert.equal((await schedules.getAllSchedules(workflow)).length, 0);
  },
}, ["client", "authHeaders", "pauseResumeWithVerbFallback", "raw"]];

checks.SchemaClient = [schemas, {
  async registerSchema() {
    assert.equal((await schemas.getSchema(await schema(), 1)).version, 1);
  },
  async getSchema() {
    await missing(() => schemas.getSchema(fresh("nobody"), 1));
  },
  async getSchemaByName() {
    const name = await schema();
    assert.equal((await schemas.getSchemaByName(name)).name, name);
  },
  async getAllSchemas() {
    assert.equal(all(await schemas.getAllSchemas(), await schema()), 0);
    const name = await schema();
    assert.equal(all(await schemas.getAllSchemas(), name), 1);
  },
  async deleteSchema() {
    const name = await schema();
    await schemas.deleteSchema(name, 1);
    await missing(() => schemas.getSchema(name, 1));
  },
  async deleteSchemaByName() {
    const name = await schema();
    await schemas.deleteSchemaByName(name);
    await missing(() => schemas.getSchema(name, 1));
  },
}];

checks.EventClient = [events, {
  async addEventHandler() {
    const [name, event] = await handler();
    assert.deepEqual((await events.getEventHandlersForEvent(event, true)).map((each) => each.name), [name]);
  },
  async getAllEventHandlers() {
    const [name] = await handler();
    assert.equal(all(await events.getAllEventHandlers(), name), 1);
  },
  async getEventHandlersForEvent() {
    assert.deepEqual(await events.getEventHandlersForEvent(`nats:${fresh("none")}`), []);
  },
  async updateEventHandler() {
    const [name, event] = await handler();
    const [found] = await events.getEventHandlersForEvent(event);
    await events.updateEventHandler({ ...found, active: false });
    assert.equal((await events.getAllEventHandlers()).find((each) => each.name === name).active, false);
  },
  async handleIncomingEvent() {
    await missing(() => events.handleIncomingEvent({ x: "y" })); // a POST where there is a GET: 405
  },
  async addEventHandlers() {
    const actions = [{ action: "start_workflow", start_workflow: { name: await define() } }];
    const made = ["h", "h"].map((each) => ({ name: fresh(each), event: `nats:${fresh("e")}`, actions, active: true }));
    await events.addEventHandlers(made);
    const names = (await events.getAllEventHandlers()).map((each) => each.name);
    assert.ok(made.every((each) => names.includes(each.name)));
  },
  async getAllActiveEventHandlers() {
    assert.deepEqual(await events.getAllActiveEventHandlers(), []); // those of an event "handler"
  },
  async getEventHandlersWithStats() {
    assert.deepEqual(await events.getEventHandlersWithStats(), []); // likewise
  },
  async removeEventHandler() {
    const [name] = await handler();
    await events.removeEventHandler(name);
    assert.equal(all(await events.getAllEventHandlers(), name), 0);
  },
}];

checks.SecretClient = [secrets, {
  async listAllSecretNames() {
    assert.deepEqual(await secrets.listAllSecretNames(), []);
  },
  async listSecretsThatUserCanGrantAccessTo() {
    assert.deepEqual(await secrets.listSecretsThatUserCanGrantAccessTo(), []);
  },
  async secretExists() {
    assert.equal(await secrets.secretExists("k"), true); // the SDK takes any answer for a yes
  },
}];

// What a client has beside its checks is of other servers: it is refused, whatever it is given.
const absent = {
  EventClient: ["getEventHandlerByName", "getAllQueueConfigs",
    "deleteQueueConfig", "getQueueConfig", "getTagsForEventHandler", "putTagForEventHandler",
    "deleteTagsForEventHandler", "deleteTagForEventHandler", "testConnectivity", "putQueueConfig", "test",
    "getEventExecutions", "getEventMessages"],
  SecretClient: ["putSecret", "getSecret", "deleteSecret", "setSecretTags", "getSecretTags", "deleteSecretTags"],
};

const report = { failed: {}, forgotten: [], called: 0 };
for (const [name, [client, mine, internal = []]] of Object.entries(checks)) {
  const offered = Object.getOwnPropertyNames(Object.getPrototypeOf(client));
  const refusals = absent[name] ?? [];
  const known = new Set(["constructor", ...Object.keys(mine), ...internal, ...refusals]);
  report.forgotten.push(...offered.filter((each) => !known.has(each)).map((each) => `${name}.${each}`));
  for (const [method, check] of Object.entries(mine)) {
    report.called++;
    await check().catch((error) => (report.failed[`${name}.${method}`] = told(error)));
  }
  for (const method of refusals) {
    report.called++;
    await refused(() => client[method]("x", "x", "x")).catch(
      (error) => (report.failed[`${name}.${method}`] = told(error)),
    );
  }
}
console.log(JSON.stringify(report));
process.exit(0);
