export{c19_a as a,c19_b as b,c19_c as c,c19_d as d,c19_e as e,c19_f as f,c19_g as g}from"./run.js";
