import { ApplicationCommandTypes, Client } from "oceanic.js";

const client = new Client({
  auth: `Bot ${process.env.TOKEN}`,
  rest: { baseURL: `${process.env.API}/v10` },
  gateway: { intents: ["GUILDS"] },
});
const again = [{ type: 1, components: [{ type: 2, style: 1, customID: "again", label: "Again" }] }];

client.once("ready", () =>
  client.application.bulkEditGuildCommands(process.env.GUILD, [
    { type: ApplicationCommandTypes.CHAT_INPUT, name: "ping", description: "Answers", defaultMemberPermissions: "2048", options: [{ type: 3, name: "text", description: "What comes back", required: true }] },
  ]),
);
client.on("interactionCreate", async (interaction) => {
  if (interaction.isCommandInteraction()) {
    await interaction.createMessage({ content: `pong ${interaction.data.options.getString("text")}`, components: again });
  } else {
    await interaction.editParent({ content: "pong again", components: [] });
  }
});
client.on("error", (error) => { console.error(error); process.exit(1); });
client.connect();
