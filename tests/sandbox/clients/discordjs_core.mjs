import { Client, GatewayDispatchEvents, GatewayIntentBits } from "@discordjs/core";
import { REST } from "@discordjs/rest";
import { WebSocketManager } from "@discordjs/ws";

const rest = new REST({ version: "10", api: process.env.API }).setToken(process.env.TOKEN);
const gateway = new WebSocketManager({
  rest,
  token: process.env.TOKEN,
  intents: GatewayIntentBits.Guilds,
});
const client = new Client({ rest, gateway });
const ping = { name: "ping", description: "Answers", default_member_permissions: "2048", options: [{ type: 3, name: "text", description: "What comes back", required: true }] };
const again = [{ type: 1, components: [{ type: 2, style: 1, custom_id: "again", label: "Again" }] }];

client.on(GatewayDispatchEvents.Ready, ({ api, data }) => api.applicationCommands.bulkOverwriteGuildCommands(data.application.id, process.env.GUILD, [ping]));
client.on(GatewayDispatchEvents.InteractionCreate, async ({ api, data }) => {
  if (data.type === 2) {
    await api.interactions.reply(data.id, data.token, { content: `pong ${data.data.options[0].value}`, components: again });
  } else {
    await api.interactions.updateMessage(data.id, data.token, { content: "pong again", components: [] });
  }
});
gateway.connect();
