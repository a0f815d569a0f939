// Loads an official Zoho CRM SDK for JavaScript, for the programs beside this one.
//
// Arguments: the folder of the package that has the SDKs, and which of them. What there is to work on comes as a JSON
// object in JOURNEY.

import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [, , folderOfSdks, sdkName] = process.argv;
const require = createRequire(join(folderOfSdks, "package.json"));
const library = `${sdkName}/${sdkName.includes("typescript") ? "dist" : "lib"}`;
const load = (path) => import(require.resolve(`${library}/${path}.js`));
const sdk = await load("index");
const { Initializer } = await load("routes/initializer");

export const given = JSON.parse(process.env.JOURNEY);
export const tokenUrl = `${given.base_url}/oauth/v2/token`;
export const { Choice } = await load("utils/util/choice");
export const { StreamWrapper } = await load("utils/util/stream_wrapper");

const api = async (path) => load(`core/com/zoho/crm/api/${path}`);
export const make = async (path, ...values) => new (await api(path)).MasterModel(...values);

/** Makes one of the SDK's objects with its setters. */
export async function filled(path, values) {
  const made = await make(path);
  for (const [name, value] of Object.entries(values)) made[`set${name}`](value);
  return made;
}

/** Gives parameters of a query, which a class of that name knows. */
export async function parameters(path, name, values) {
  const known = (await api(path))[name];
  const all = new sdk.ParameterMap();
  for (const [parameter, value] of Object.entries(values)) await all.add(known[parameter], value);
  return all;
}

const valueOf = (choice) => (choice instanceof Choice ? choice.getValue() : choice);
const plain = ([name, value]) => [name, typeof value === "bigint" ? String(value) : value];
const asObject = (map) => Object.fromEntries([...map].map(plain));

/** Gives what became of each thing: the code, the message and the details, with an id as a string. */
export const results = (answers) =>
  answers.map((one) => [valueOf(one.getCode()), valueOf(one.getMessage()), asObject(one.getDetails())]);

export function refusal(response) {
  const error = response.getObject();
  return [response.getStatusCode(), error.constructor.name, ...results([error])[0], valueOf(error.getStatus())];
}

/** Starts as a new process would, with a client's credentials or an access token, and with the SDK's own defaults. */
export async function initialize(name, configure) {
  Initializer.LOCAL.clear();
  Initializer.initializer = undefined;
  const folder = join(given.folder, name);
  mkdirSync(folder);
  const token = configure(new sdk.OAuthBuilder()).build();
  const config = new sdk.SDKConfigBuilder().autoRefreshFields(false).pickListValidation(false).build();
  const builder = await new sdk.InitializeBuilder();
  await builder
    .environment(sdk.DataCenter.setEnvironment(given.base_url, tokenUrl, given.base_url))
    .token(token)
    .store(new sdk.FileStore(join(folder, "tokens.txt")))
    .SDKConfig(config)
    .resourcePath(folder)
    .initialize();
  return token;
}

export const asClient = (builder) => builder.clientId(given.client_id).clientSecret(given.client_secret);
