// placeholder until the addon's build script lands
