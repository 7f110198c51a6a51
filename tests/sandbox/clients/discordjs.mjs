import { ActionRowBuilder, ButtonBuilder, ButtonStyle, Client, Events, PermissionFlagsBits, SlashCommandBuilder } from "discord.js";

const client = new Client({ intents: ["Guilds"], rest: { api: process.env.API } });
const again = () => new ActionRowBuilder().addComponents(new ButtonBuilder().setCustomId("again").setLabel("Again").setStyle(ButtonStyle.Primary));
const ping = new SlashCommandBuilder()
  .setName("ping")
  .setDescription("Answers")
  .setDefaultMemberPermissions(PermissionFlagsBits.SendMessages)
  .addStringOption((option) => option.setName("text").setDescription("What comes back").setRequired(true));

client.once(Events.ClientReady, () => client.application.commands.set([ping], process.env.GUILD));
client.on(Events.InteractionCreate, async (interaction) => {
  if (interaction.isChatInputCommand()) {
    await interaction.reply({ content: `pong ${interaction.options.getString("text")}`, components: [again()] });
  } else if (interaction.isButton()) {
    await interaction.update({ content: "pong again", components: [] });
  }
});
client.login(process.env.TOKEN);
