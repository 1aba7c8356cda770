/*
 * One client of the Webex calling SDK as a program: commands come in on standard input, results and events go out on
 * standard output, each a line of JSON.
 *
 *   node harness.js DIRECTORY        DIRECTORY has the node_modules with the packages of package.json.
 *
 *   {"id": 1, "do": "start", ...}    makes the client; see `fakeWebex` for what it takes. Must be the first.
 *   {"id": 2, "do": "connect"}       connects to Mercury; the result comes when the server has let the client in.
 *   {"id": 3, "do": "call", "method": "getCallHistoryData", "args": [7]}
 *   {"id": 4, "do": "device", ...}   changes what the device says of itself, such as `callingBehavior`.
 *
 *   {"id": 3, "result": ...}         or, if it was rejected, {"id": 3, "error": "TypeError: ..."}
 *   {"event": "callHistory:...", "payload": ...}
 *   {"event": "mercury:online"}      and what else happens to the connection.
 *   {"unhandled": "TypeError: ..."}  a rejection that nobody handled, which would have ended the process.
 *
 * The SDK holds what it is given in one place for the whole process, so each client needs a process of its own.
 *
 * What is real: the SDK, the Mercury plugin with its socket, and the HTTP library of `webex.request`. What is fake is
 * the object between them, which in an app signs in, registers a device and asks a catalog for addresses.
 */
'use strict';

const {createRequire} = require('node:module');
const path = require('node:path');
const readline = require('node:readline');

// Standard output is for what the tests read; the packages log to it.
console.log = console.info = console.debug = console.warn = console.error;

const load = createRequire(path.join(path.resolve(process.argv[2]), 'node_modules', 'none.js'));
// The root of @webex/calling needs a browser; the call history does not.
const {createCallHistoryClient} = load('@webex/calling/dist/CallHistory/CallHistory.js');
const {getMetricManager} = load('@webex/calling/dist/Metrics/index.js');
const {defaults, HttpStatusInterceptor, Interceptor} = load('@webex/http-core');
const {Mercury, config} = load('@webex/internal-plugin-mercury');

const EVENTS = ['user_recent_sessions', 'user_viewed_sessions', 'user_sessions_deleted'];
const CONNECTION = ['online', 'offline.transient', 'offline.permanent', 'offline.replaced'];

const silent = {error() {}, warn() {}, log() {}, info() {}, debug() {}, trace() {}};

let webex;
let history;

/*
 * The least that the SDK and the Mercury plugin need of an app.
 *
 * `token` is what stands behind "Bearer"; `janus`, `ucm` and `mercury` are addresses; `device` is for `describeDevice`.
 */
function fakeWebex({token, janus, ucm, mercury, device}) {
  const fake = {
    canAuthorize: true,
    ready: true,
    sessionId: 'conformance',
    logger: silent,
    config: {mercury: config.mercury},
    credentials: {
      getUserToken: async () => `Bearer ${token}`,
      // An app would ask for a new token now. There is none, so that the next attempt is refused again.
      refresh: async () => send({event: 'credentials:refresh'}),
    },
    internal: {
      services: {_serviceUrls: {janus, 'ucmgmt-gateway': ucm}},
      device: {registered: true, webSocketUrl: mercury, refresh: async () => {}},
      feature: {getFeature: async () => false},
      newMetrics: {callDiagnosticMetrics: {setMercuryConnectedStatus() {}}},
      // Failed calls upload logs and count themselves, before they answer.
      support: {submitLogs: async () => ({})},
      metrics: {submitClientMetrics() {}},
    },
  };
  describeDevice(fake, device);

  // In an app this is one of some twenty interceptors; it adds the token to what goes to known addresses.
  class Authorize extends Interceptor {
    async onRequest(options) {
      options.headers = {...options.headers, authorization: await fake.credentials.getUserToken()};
      return options;
    }
  }
  const interceptors = [new Authorize(fake), HttpStatusInterceptor.create()];
  fake.request = defaults({json: true, interceptors, logger: silent});
  fake.internal.mercury = new Mercury({}, {parent: fake});
  return fake;
}

/* `callingBehavior` and `entitlements` make the calling backend; `userId` and `orgId` say whose lines to ask for. */
function describeDevice(fake, {entitlements, ...known}) {
  Object.assign(fake.internal.device, known);
  if (entitlements) {
    const models = entitlements.map((key) => ({_values: {key}}));
    fake.internal.device.features = {entitlement: {models}};
  }
}

const actions = {
  start(command) {
    webex = fakeWebex(command);
    // Without this every failed call throws a TypeError of its own: only other parts of the SDK make the manager.
    getMetricManager(webex, 'calling');
    history = createCallHistoryClient(webex, {level: 'error'});
    for (const name of EVENTS.map((event) => `callHistory:${event}`)) {
      history.on(name, (payload) => send({event: name, payload}));
    }
    for (const name of CONNECTION) {
      webex.internal.mercury.on(name, () => send({event: `mercury:${name}`}));
    }
  },
  connect: () => webex.internal.mercury.connect(),
  call: ({method, args}) => history[method](...args),
  device: (command) => describeDevice(webex, command),
};

function send(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function run(line) {
  const {id, do: action, ...command} = JSON.parse(line);
  try {
    send({id, result: (await actions[action](command)) ?? null});
  } catch (error) {
    send({id, error: String(error)});
  }
}

process.on('unhandledRejection', (reason) => send({unhandled: String(reason)}));

readline
  .createInterface({input: process.stdin})
  .on('line', run)
  .on('close', () => process.exit());
