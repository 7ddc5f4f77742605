// Dans le navigateur, autour d'un réglage ou d'un quiz : ce qu'il faut au clavier et aux lecteurs d'écran.
// NOTCHES : les valeurs rondes d'un facteur dix, si la ligne a un curseur logarithmique, sinon [].
const block = this.closest('.cours-reglage, .cours-quiz'), notches = NOTCHES;

// JupyterLab prend pour lui les touches d'un notebook (flèches, lettres), même quand un menu ou un choix les attend ;
// il laisse en paix ce qui porte cet attribut.
const keepKeys = () => {
  const controls = 'select, input, button, [role=slider]';
  for (const control of block.querySelectorAll(controls)) control.dataset.lmSuppressShortcuts = '';
};

const round = notch => {
  const decade = Math.floor(notch / notches.length);
  return notches[notch - decade * notches.length] * 10 ** decade;
};

const speak = () => {
  const slider = block.querySelector('.noUi-target')?.noUiSlider, box = block.querySelector('input');
  if (!slider || !box) return;
  const raw = Number(slider.get()), {step, range} = slider.options, log = notches.length > 0;
  const place = x => Math.round((x - range.min) / step);
  // La case sait la valeur exacte (3,75 entre deux crans) ; mais quand le curseur vient de bouger, elle attend encore
  // la réponse du noyau : c'est alors le cran qui parle.
  const still = place(log ? Math.log10(box.value) : Number(box.value)) === place(raw);
  const moved = log ? Math.min(Math.max(round(Math.round(raw / step)), box.min), box.max) : raw;
  const said = (still ? Number(box.value) : moved).toLocaleString('fr', {maximumSignificantDigits: 9});
  const handle = block.querySelector('[role=slider]');
  write(handle, 'aria-label', block.querySelector('label').textContent);
  write(handle, 'aria-valuetext', said);
};

// Le verdict d'un quiz ou d'un pari est dit dès qu'il paraît ; les choix sont dits avec leur question.
const announce = () => {
  for (const feedback of block.querySelectorAll('.cours-retour')) write(feedback, 'role', 'status');
  for (const choices of block.querySelectorAll('.cours-choix')) {
    write(choices, 'role', choices.querySelector('[type=radio]') ? 'radiogroup' : 'group');
    write(choices, 'aria-label', choices.parentElement.querySelector('.cours-question')?.textContent ?? '');
  }
};

// N'écrire que ce qui change : chaque écriture réveille l'observateur.
const write = (element, name, value) => {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
};

const adopt = () => {
  keepKeys();
  speak();
  announce();
  watch.takeRecords();  // ce que l'on vient d'écrire n'est pas un mouvement
};
// Une sortie repliée puis dépliée relit le style, donc ce script : deux observateurs se réveilleraient sans fin.
block.coursWatch?.disconnect();
const watch = block.coursWatch = new MutationObserver(adopt);
watch.observe(block, {subtree: true, childList: true, attributeFilter: ['aria-valuetext']});
adopt();
