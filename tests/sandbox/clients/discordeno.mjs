import { createBot, Intents } from "discordeno";

const wanted = { id: true, token: true, type: true, data: true, message: true };
const bot = createBot({
  token: process.env.TOKEN,
  intents: Intents.Guilds,
  rest: { proxy: { baseUrl: process.env.API, authorization: `Bot ${process.env.TOKEN}` } },
  desiredProperties: { interaction: wanted },
  events: {
    ready: () =>
      bot.helpers.upsertGuildApplicationCommands(process.env.GUILD, [
        { name: "ping", description: "Answers", defaultMemberPermissions: ["SEND_MESSAGES"], options: [{ type: 3, name: "text", description: "What comes back", required: true }] },
      ]),
    interactionCreate: async (interaction) => {
      const again = [{ type: 1, components: [{ type: 2, style: 1, customId: "again", label: "Again" }] }];
      const update = interaction.type === 3;
      const content = update ? "pong again" : `pong ${interaction.data.options[0].value}`;
      await bot.helpers.sendInteractionResponse(interaction.id, interaction.token, { type: update ? 7 : 4, data: { content, components: update ? [] : again } });
    },
  },
});
await bot.start();
