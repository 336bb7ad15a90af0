export{c14_a as a,c14_b as b,c14_c as c,c14_d as d,c14_e as e,c14_f as f}from"./run.js";
