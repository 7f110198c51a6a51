import http from "node:http";
import https from "node:https";
import Eris from "eris";

// Eris speaks only https; the local Discord has no certificate.
const api = new URL(process.env.API);
https.request = (options, callback) => http.request({ ...options, host: api.hostname, port: api.port, agent: undefined }, callback);

const client = new Eris(`Bot ${process.env.TOKEN}`, { intents: ["guilds"], rest: { domain: api.hostname, baseURL: "/api/v10" } });
const again = [{ type: 1, components: [{ type: 2, style: 1, custom_id: "again", label: "Again" }] }];

client.once("ready", () =>
  client.bulkEditGuildCommands(process.env.GUILD, [
    { type: 1, name: "ping", description: "Answers", default_member_permissions: "2048", options: [{ type: 3, name: "text", description: "What comes back", required: true }] },
  ]),
);
client.on("interactionCreate", async (interaction) => {
  if (interaction.type === 2) {
    await interaction.createMessage({ content: `pong ${interaction.data.options[0].value}`, components: again });
  } else {
    await interaction.editParent({ content: "pong again", components: [] });
  }
});
client.on("error", (error) => { console.error(error); process.exit(1); });
client.connect();
